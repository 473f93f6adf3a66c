import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Output } from '../../../../src/adapters/report/output.ts';
import { createPlainReporter } from '../../../../src/adapters/report/plain.ts';
import { RunView } from '../../../../src/adapters/report/run-view.ts';
import { endText } from '../../../../src/adapters/report/tree.ts';
import { treeText } from '../../../../src/adapters/report/tree-text.ts';
import type { RunEvent, TimedEvent } from '../../../../src/ports/events.ts';

const hostile = [
  '\u001b[2J',
  '\u001b]0;title\u0007',
  '\u001b]8;;http://x\u001b\\',
  '\u009b2J',
  '\u009d0;t\u009c',
  '\u001bc',
  '\u001b[?1049h',
  '\u001bP$q\u001b\\',
  '\u001b[6n',
  '\u001b',
  '\u0000',
  '\u007f',
  '\u0085',
];
const harmless = ['\u001b[31m', '\u001b[0m', '\u001b[38:2::1:2:3m', 'a', '[2J', '\t', ']0;', 'm', 'é'];

/** What is left of a text when its colours are taken out. */
// eslint-disable-next-line no-control-regex -- what this is about
const rest = (text: string) => text.replaceAll(/\u001b\[[0-9;:]*m/g, '');
// eslint-disable-next-line no-control-regex -- what this is about
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

const at = (events: RunEvent[]): TimedEvent[] =>
  events.map((event, index) => ({ ...event, runId: '01RUN', at: 0, sequence: index + 1 }));
const output = (chunk: Buffer): RunEvent => ({
  type: 'step.output',
  stage: 'build',
  step: 'run',
  id: 'build.1.run',
  chunk,
  offset: 0,
});
const failed: RunEvent[] = [
  { type: 'step.end', stage: 'build', step: 'run', id: 'build.1.run', exitCode: 1 },
  {
    type: 'tests.collected',
    stage: 'build',
    summary: {
      files: 1,
      seconds: 1,
      passed: 0,
      failed: 1,
      skipped: 0,
      failures: [
        {
          suite: 'a\u001b[2J',
          outcome: 'failed',
          seconds: 1,
          name: 'b\u001b]0;x\u0007',
          message: 'c\u009b2J',
        },
      ],
    },
  },
  { type: 'notice', stage: 'build', level: 'warning', message: 'd\u001b[2J' },
  {
    type: 'stage.finished',
    stage: 'build',
    kind: 'run',
    outcome: 'failed',
    message: 'e\u001b[2J',
    durationMs: 1,
    outputs: {},
    allowedToFail: false,
  },
];

describe('what a reporter shows', () => {
  it('never holds a control character besides colours, whatever the steps print and however it is cut', async () => {
    const pieces = fc.array(fc.constantFrom(...hostile, ...harmless, '\n'), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 9 }), async (parts, size) => {
        const bytes = Buffer.from(parts.join(''));
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        const events = at([...chunks.map(output), ...failed]);
        const stream = new PassThrough();
        const plain = createPlainReporter({ output: new Output(stream), timestamps: false, quiet: false });
        const view = new RunView();
        view.runId = '01R';

        for (const event of events) {
          await plain.handle(event);
          view.take(event);
        }
        stream.end();

        const shown = (await stream.toArray()).join('');
        const tree = treeText(view, 0, { columns: 80, rows: 24 }).join('\n');
        for (const text of [shown, tree, endText(view).join('\n')]) expect(rest(text)).not.toMatch(control);
      }),
    );
  });
});
