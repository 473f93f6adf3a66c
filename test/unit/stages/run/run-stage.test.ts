import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import * as z from '../../../../src/base/zod.ts';
import type { Agent, Step } from '../../../../src/ports/agent.ts';
import type { ArtifactStore } from '../../../../src/ports/artifact-store.ts';
import type { RunEvent } from '../../../../src/ports/events.ts';
import type { StageContext } from '../../../../src/ports/stage.ts';
import { runStage } from '../../../../src/stages/run/run-stage.ts';
import { runFields } from '../../../../src/stages/run/schema.ts';

/** Runs a stage on an agent whose steps all succeed, but for how they end. */
async function run(fields: object, ending: object = {}, files: Record<string, string> = {}) {
  const steps: Step[] = [];
  const events: RunEvent[] = [];
  const agent = {
    workspace: '/workspace',
    cache: '/cache',
    query: async () => ({ exitCode: 0, stdout: Object.keys(files).join('\n'), stderr: '' }),
    download: async (paths: readonly string[]) => ({
      directory: '/results',
      bytes: 1,
      files: paths.map((path) => ({ path, bytes: 1 })),
    }),
    runStep: async (step: Step) => {
      steps.push(step);
      return { type: 'exited', exitCode: 0, outputs: {}, environment: {}, logBytes: 0, ...ending };
    },
  } as unknown as Agent;
  const context = {
    run: { id: 'r', pipeline: 'shop', namespace: 'ci' },
    stage: { name: 'build', attempt: 1 },
    container: 'node',
    env: {},
    workingDirectory: '.',
    offsets: {},
    signal: new AbortController().signal,
    agent: async () => agent,
    emit: async (event: RunEvent) => void events.push(event),
  } as unknown as StageContext;
  const artifacts = {
    open: (_saved: unknown, path: string) => Readable.from([Buffer.from(files[path] ?? '')]),
  } as unknown as ArtifactStore;
  const input = z.strictObject(runFields).parse({ run: 'npm start &', ...fields });
  const result = await runStage({ artifacts }).run(input, context);
  return {
    result,
    steps,
    notices: events.filter(({ type }) => type === 'notice'),
    events: events.filter(({ type }) => type.endsWith('.collected')),
  };
}

describe('a run stage', () => {
  it('ends what its script leaves running, and says nothing of it', async () => {
    const { steps, notices } = await run({});

    expect(steps).toMatchObject([{ background: false }]);
    expect(notices).toEqual([]);
  });

  it('lets it stay with background: true, and says so', async () => {
    const cache = { key: 'k', paths: ['x'] };
    const { steps, notices } = await run({ background: true, cache });

    expect(steps.map(({ id, background }) => [id, background])).toEqual([
      ['build.1.cache-restore-1', false],
      ['build.1.run', true],
      ['build.1.cache-save-1', false],
    ]);
    expect(notices).toEqual([
      {
        type: 'notice',
        stage: 'build',
        level: 'info',
        message: expect.stringMatching(/background: true.*secrets of later stages in container node/),
      },
    ]);
  });

  it('runs its script by what the first line says, and says when the file names another shell', async () => {
    const script = { run: '#!/usr/bin/env python3\nprint(1)' };

    const own = await run(script);
    const overruled = await run({ ...script, shell: 'sh -eu' });

    expect(own).toMatchObject({ steps: [{ shell: ['/usr/bin/env', 'python3'] }], notices: [] });
    expect(overruled.steps).toMatchObject([{ shell: ['sh', '-eu'] }]);
    expect(overruled.notices).toMatchObject([
      { level: 'warning', message: expect.stringContaining('#!/usr/bin/env python3, is not used') },
    ]);
  });

  it('fails by outputs that cannot be read, and goes on with the exit code where there is one', async () => {
    const problems = [
      'line 2 of $SLIPWAY_OUTPUT is not NAME=value',
      'line 3 of $SLIPWAY_OUTPUT is not NAME=value',
    ];

    const clean = await run({}, { problems });
    const failed = await run({}, { problems, exitCode: 137 });

    expect(clean.result).toMatchObject({
      outcome: 'failed',
      message: problems[0],
      hint: expect.stringContaining('NAME<<END'),
    });
    expect(clean.notices).toMatchObject([{ level: 'warning', message: problems[1] }]);
    expect(failed.result).toMatchObject({ outcome: 'failed', message: 'exit code 137 (SIGKILL)' });
    expect(failed.notices).toMatchObject([{ message: problems[0] }, { message: problems[1] }]);
  });

  it('keeps its exit code, artifacts and tests when a report is none, and fails by that where it succeeded', async () => {
    const reports = { 'good.xml': '<testsuite><testcase name="a"/></testsuite>', 'bad.xml': 'no XML' };
    const fields = { reports: { junit: '*.xml' }, artifacts: '*.xml' };

    const killed = await run(fields, { exitCode: 137 }, reports);
    const clean = run(fields, {}, reports);

    expect(killed.result).toMatchObject({ outcome: 'failed', message: 'exit code 137 (SIGKILL)' });
    expect(killed.notices).toMatchObject([
      { message: expect.stringContaining('bad.xml is not well-formed XML') },
    ]);
    expect(killed.events).toMatchObject([
      { type: 'tests.collected', summary: { files: 1, passed: 1 } },
      { type: 'artifacts.collected' },
    ]);
    await expect(clean).rejects.toMatchObject({ code: 'report', fault: 'failure' });
  });
});
