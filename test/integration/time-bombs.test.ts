import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { startPipeline, type PipelineResult } from '../support/pipeline-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'time-bombs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command on a file in a process of its own, which is killed when it does not end. */
async function pipeline(
  command: string,
  text: string,
  args: readonly string[] = [],
): Promise<Pick<PipelineResult, 'exitCode' | 'stderr'>> {
  const file = join(folder, 'app.yaml');
  writeFileSync(file, `apiVersion: slipway.dev/v1\nkind: Pipeline\nname: bomb\n${text}`);
  const { result } = startPipeline([command, file, ...args], { cwd: folder, timeoutMs: 40_000 });
  const { exitCode, stderr } = await result;
  return { exitCode, stderr: stderr.replaceAll(folder, '') };
}

const stages = 'stages: [{name: a, run: "true"}]\n';
const letters = `${'a'.repeat(60)}!`;
const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const thirty = `[${Array.from({ length: 30 }, (_, index) => String(index)).join(',')}]`;
const withImage = (expression: string) =>
  `parameters: {letters: {type: string, default: "${letters}"}}\nagent: {containers: {a: {image: '\${{ ${expression} }}'}}}\n${stages}`;

describe('a file that would keep the runner busy for ever', () => {
  it.each([
    [
      'a default that its pattern explodes on',
      `parameters: {p: {type: string, pattern: (a+)+$, default: ${letters}}}\n${stages}`,
      'does not match the pattern (a+)+$',
    ],
    [
      'a pattern of repetitions in repetitions',
      `parameters: {p: {type: string, pattern: "((a{1,30}){1,30}){1,30}", default: b}}\n${stages}`,
      'a pattern has at most 1000 characters, and 5000 with its repetitions written out',
    ],
    [
      'an expectation with a look-ahead',
      'stages: [{name: a, verify: {http: {url: "http://a/", expect: {body: {matches: "(?=a)"}}}}}]\n',
      '/app.yaml:4:79: "(?=a)": a pattern cannot have a look-ahead (?=…)',
    ],
  ])(
    'is found out by validate: %s',
    async (_what, text, message) => {
      expect(await pipeline('validate', text)).toEqual({
        exitCode: 2,
        stderr: expect.stringContaining(message),
      });
    },
    60_000,
  );

  it('ends a run whose parameter its pattern explodes on', async () => {
    const text = `parameters: {p: {type: string, pattern: (a+)+$}}\n${stages}`;

    expect(await pipeline('run', text, ['-p', `p=${letters}`])).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining('parameter "p" does not match (a+)+$'),
    });
  }, 60_000);

  it.each([
    [
      'macros in macros',
      `${names.reduceRight((body, name) => `${thirty}.all(${name}, ${body})`, 'true')} ? "x" : "y"`,
      'takes more than 100,000 steps',
    ],
    ['a pattern that explodes', 'string(params.letters.matches("(a+)+$"))', undefined],
    [
      'a duration',
      `duration("${'1'.repeat(20_000)}") > duration("1s") ? "x" : "y"`,
      'duration() takes at most 100 characters',
    ],
    [
      'a text that doubles',
      `["0123456789"]${'.map(x, x + x)'.repeat(30)}[0]`,
      'makes a value of more than 1,000,000 characters and elements',
    ],
  ])(
    'ends a run that evaluates %s',
    async (_what, expression, message) => {
      // A cluster that is not there: what ends the run is the expression, before anything is asked of the cluster.
      const kubeconfig = join(folder, 'kubeconfig');
      writeFileSync(kubeconfig, '{}');
      const result = await pipeline('run', withImage(expression), ['--kubeconfig', kubeconfig]);

      expect(result.exitCode).toBe(2);
      if (message !== undefined) expect(result.stderr).toContain(message);
    },
    60_000,
  );
});
