import { describe, expect, it } from '@jest/globals';
import { AgentError } from '../../../src/ports/agent.ts';
import { outcomesOf, pipelineOf, RunHarness } from '../../fakes/run-harness.ts';

const three = pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: build, run: "sleep 5s"}
  - {name: test, run: "echo done"}
finally:
  - {name: tell, run: "echo bye"}
`);

describe('a run', () => {
  it('tells what happens in a fixed order', async () => {
    const harness = new RunHarness(three);

    const result = await harness.start();

    expect(result.outcome).toBe('succeeded');
    expect(harness.story()).toEqual([
      'run.started',
      'agent.created demo-main',
      'stage.started source 1',
      'agent.ready demo-main',
      'stage.finished source succeeded',
      'stage.started build 1',
      'stage.finished build succeeded',
      'stage.started test 1',
      'stage.finished test succeeded',
      'stage.started tell 1',
      'stage.finished tell succeeded',
      'agent.removed demo-main',
      'run.finished succeeded',
    ]);
    expect(harness.events.map(({ sequence }) => sequence)).toEqual(
      harness.events.map((_event, index) => index + 1),
    );
    expect(harness.events[0]).toMatchObject({
      pipeline: 'demo',
      cluster: 'test',
      namespace: 'ci',
      stages: [
        { name: 'source', kind: 'checkout', needs: [], phase: 'main' },
        { name: 'build', kind: 'run', needs: ['source'], phase: 'main' },
        { name: 'test', kind: 'run', needs: ['build'], phase: 'main' },
        { name: 'tell', kind: 'run', phase: 'finally' },
      ],
    });
    expect(new Set(harness.events.map(({ runId }) => runId))).toEqual(new Set(['01RUN']));
    const record = harness.store.recordOf('01RUN');
    expect(record).toMatchObject({ state: 'finished', outcome: 'succeeded', git: { sha: 'c0ffee12' } });
  });

  it('skips what needs a failed stage, and lets independent stages go on', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, wait: {for: 1s}}
  - {name: lint, needs: [source], wait: {for: 1s, result: failed}}
  - {name: build, needs: [source], wait: {for: 5s}}
  - {name: report, needs: [lint], wait: {for: 1s}}
  - {name: publish, needs: [report, build], wait: {for: 1s}}
finally:
  - {name: tell, wait: {for: 1s}}
`),
    );

    const result = await harness.start();

    expect(result).toMatchObject({ outcome: 'failed', message: 'lint: it failed' });
    expect(outcomesOf(result)).toEqual({
      source: 'succeeded',
      lint: 'failed',
      build: 'succeeded',
      report: 'skipped',
      publish: 'skipped',
      tell: 'succeeded',
    });
    expect(harness.events.filter(({ type }) => type === 'stage.finished')).toHaveLength(6);
    expect(result.stages.find(({ name }) => name === 'publish')?.message).toBe(
      'needs report, which did not succeed',
    );
  });

  it('names all that kept a stage from starting', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: a, needs: [], wait: {for: 1s, result: failed}}
  - {name: b, needs: [], wait: {for: 1s, result: failed}}
  - {name: c, needs: [a, b], wait: {for: 1s}}
`),
    );

    const result = await harness.start();

    expect(result.stages[2]?.message).toBe('needs a, b, which did not succeed');
  });

  it('counts a stage that its own condition skipped as done', async () => {
    const harness = new RunHarness(
      pipelineOf(`
parameters: {deploy: {type: boolean, default: false}}
stages:
  - {name: build, wait: {for: 1s}}
  - {name: deploy, when: params.deploy, wait: {for: 1s}}
  - {name: smoke, when: stages.deploy.outcome == "skipped", wait: {for: 1s}}
`),
    );

    expect(outcomesOf(await harness.start())).toEqual({
      build: 'succeeded',
      deploy: 'skipped',
      smoke: 'succeeded',
    });
  });

  it('goes on after a failure that is allowed', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: lint, allowFailure: true, wait: {for: 1s, result: failed}}
  - {name: build, wait: {for: 1s}}
`),
    );

    const result = await harness.start();

    expect(result.outcome).toBe('succeeded');
    expect(outcomesOf(result)).toEqual({ lint: 'failed', build: 'succeeded' });
  });

  it('runs at most as many stages at once as it may', async () => {
    const many = ['a', 'b', 'c', 'd', 'e'].map((name) => `  - {name: ${name}, needs: [], wait: {for: 10s}}`);
    const harness = new RunHarness(pipelineOf(`stages:\n${many.join('\n')}`));

    const result = await harness.start({ maxParallelStages: 2 });

    expect(result.durationMs).toBe(30_000);
  });

  it('says that a release was rolled back rather than that a stage failed', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: docs, needs: [], wait: {for: 1s, result: failed}}
  - {name: deploy, needs: [], wait: {for: 1s, result: rolledBack}}
`),
    );

    expect((await harness.start()).outcome).toBe('rolledBack');
  });

  it('ends as internal when a stage throws what is no error of ours, and runs the finally stages', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: odd, retry: {max: 3, on: [failure]}, wait: {for: 1s, throws: "x is not a function"}}
finally:
  - {name: tell, wait: {for: 1s}}
`),
    );

    const result = await harness.start();

    expect(result).toMatchObject({
      outcome: 'internal',
      message: 'odd: internal error: x is not a function',
    });
    expect(outcomesOf(result)).toEqual({ odd: 'failed', tell: 'succeeded' });
    expect(result.stages[0]?.attempts).toBe(1);
  });

  it('needs no agent when no stage does', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: a, wait: {for: 1s}}]'));

    await harness.start();

    expect(harness.agents.calls).toEqual([]);
  });

  it('leaves the agent pod when asked to', async () => {
    const harness = new RunHarness(three);

    await harness.start({ keepAgent: true });

    expect(harness.agents.calls).not.toContain('release');
    expect(harness.story()).toContain('agent.kept demo-main');
  });
});

describe('what stages see', () => {
  it('hands outputs, environment, matrix values and expressions to later stages', async () => {
    const harness = new RunHarness(
      pipelineOf(`
parameters: {port: {type: number, default: 8080}}
env: {LEVEL: run, TARGET: "\${{ params.port }}", TOKEN: {secret: token}}
secrets: {token: {env: X}}
stages:
  - {name: source, checkout: {ref: "\${{ trigger.ref }}"}}
  - name: make
    run: |
      output version=1.2
      env LEVEL=earlier
      env DIR=out
  - name: check
    matrix: {nodeVersion: [22, 24]}
    env: {VERSION: "v\${{ stages.make.outputs.version }}-\${{ git.shortSha }}", N: "\${{ matrix.nodeVersion + 1 }}"}
    port: "\${{ params.port }}"
    label: "\${{ params.port }}"
    run: |
      expect CI=true
      expect LEVEL=earlier
      expect DIR=out
      expect TARGET=8080
      expect TOKEN=secret token
      expect VERSION=v1.2-c0ffee1
      expect SLIPWAY_RUN=01RUN
      expect SLIPWAY_WORKSPACE=/workspace
      output seen=yes
  - name: last
    env: {LEVEL: "own \${{ env.DIR }}", SEEN: "\${{ stages.check.outputs.seen }}", ONE: "\${{ stages['check.22'].outcome }}"}
    run: |
      expect LEVEL=own out
      expect SEEN=yes
      expect ONE=succeeded
`),
    );

    const result = await harness.start();

    const said = ['source', 'make', 'check.22', 'check.24', 'last']
      .map((name) => harness.outputOf(name))
      .join('');
    expect(said).toBe('');
    expect(result.outcome).toBe('succeeded');
  });

  it('takes the first of several checkouts for the commit of the run', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: other, run: "output sha=none"}
  - {name: source, checkout: {ref: one}}
  - {name: more, checkout: {ref: two}}
  - {name: check, env: {BRANCH: "\${{ git.branch }}"}, run: "expect BRANCH=one"}
`),
    );

    const result = await harness.start();

    expect(result.outcome).toBe('succeeded');
    expect(harness.store.recordOf('01RUN')?.git).toMatchObject({ branch: 'one' });
  });

  it('lets finally stages read how the run went', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: build, run: "exit 3"}
finally:
  - {name: sad, when: run.status == "failed", run: "expect HOW=failed", env: {HOW: "\${{ stages.build.outcome }}"}}
  - {name: happy, when: run.status == "succeeded", run: "exit 1"}
`),
    );

    const result = await harness.start();

    expect(outcomesOf(result)).toEqual({ build: 'failed', sad: 'succeeded', happy: 'skipped' });
    expect(result).toMatchObject({ outcome: 'failed', message: 'build: exit code 3' });
  });

  it('fails a stage whose expression fails, with the expression in the message', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: make, run: "echo nothing"}
  - {name: use, run: "echo x", env: {V: "\${{ stages.make.outputs.version }}"}}
`),
    );

    const result = await harness.start();

    expect(result.outcome).toBe('failed');
    expect(result.message).toContain('the expression stages.make.outputs.version failed');
  });

  it('fails a stage whose condition fails, before it starts', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: make, run: "echo nothing"}
  - {name: use, run: "echo x", when: stages.make.outputs.version == "1"}
`),
    );

    const result = await harness.start();

    expect(outcomesOf(result)).toEqual({ make: 'succeeded', use: 'failed' });
    expect(result.message).toContain('stages.make.outputs.version');
    expect(harness.story()).not.toContain('stage.started use 1');
  });
});

describe('retries and timeouts', () => {
  it('tries again after trouble of the infrastructure, waiting longer each time', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: build, retry: {max: 3, backoff: 10s, on: [failure]}, run: "once a exit 1\\nonce b exit 1\\necho ok"}
`),
    );

    const result = await harness.start();

    expect(result.stages[0]).toMatchObject({ outcome: 'succeeded', attempts: 3 });
    expect(harness.story().filter((line) => line.includes('retrying'))).toEqual([
      'stage.retrying build 2 after 10000',
      'stage.retrying build 3 after 20000',
    ]);
    expect(harness.agents.calls.filter((call) => call.startsWith('start'))).toEqual([
      'start build.1.run',
      'start build.2.run',
      'start build.3.run',
    ]);
  });

  it('counts all attempts into the time of the stage, and tells why it tries again', async () => {
    const harness = new RunHarness(
      pipelineOf(
        'stages: [{name: build, retry: {max: 1, backoff: 10s, on: [failure]}, run: "sleep 5s\\nonce a exit 1\\nsleep 5s"}]',
      ),
    );

    const result = await harness.start();

    // 0.1 s until the pod is ready, 5 s, the backoff, 10 s
    expect(result.stages[0]).toMatchObject({ attempts: 2, durationMs: 25_100 });
    expect(harness.events.find(({ type }) => type === 'stage.retrying')).toMatchObject({
      attempt: 2,
      message: 'exit code 1',
    });
  });

  it('waits no longer than five minutes, however often it tries', async () => {
    const harness = new RunHarness(
      pipelineOf(
        'stages: [{name: a, retry: {max: 4, backoff: 1m, on: [failure]}, wait: {for: 1s, result: failed}}]',
      ),
    );

    await harness.start();

    expect(harness.story().filter((line) => line.includes('retrying'))).toEqual([
      'stage.retrying a 2 after 60000',
      'stage.retrying a 3 after 120000',
      'stage.retrying a 4 after 240000',
      'stage.retrying a 5 after 300000',
    ]);
  });

  it('tries a lost pod again only where the policy says so, and a rolled back release never', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: lost, needs: [], retry: {max: 1, backoff: 1s, on: [failure]}, run: "sleep 5s\\nlose evicted"}
  - {name: back, needs: [], retry: {max: 1, backoff: 1s, on: [failure, infrastructure]}, wait: {for: 1s, result: rolledBack}}
`),
    );

    const result = await harness.start();

    expect(result.stages).toMatchObject([
      { outcome: 'infrastructure', attempts: 1 },
      { outcome: 'rolledBack', attempts: 1 },
    ]);
  });

  it('tries a stage again that has taken too long, where the policy says so', async () => {
    const harness = new RunHarness(
      pipelineOf(
        'stages: [{name: a, timeout: 10s, retry: {max: 1, backoff: 1s, on: [failure]}, run: "once m sleep 1m"}]',
      ),
    );

    const result = await harness.start();

    expect(result.stages[0]).toMatchObject({ outcome: 'succeeded', attempts: 2 });
  });

  it('does not try a failed script again unless the policy says so', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: build, retry: {max: 3}, run: "exit 1"}]'));

    const result = await harness.start();

    expect(result.stages[0]).toMatchObject({ outcome: 'failed', attempts: 1 });
  });

  it('stops an attempt at its timeout, without counting the start of the pod', async () => {
    const slow = new RunHarness(
      pipelineOf(`
stages:
  - {name: quick, timeout: 1s, run: "echo in time"}
  - {name: slow, timeout: 30s, run: "sleep 5m"}
  - {name: after, run: "echo never"}
`),
    );

    const result = await slow.start();

    expect(outcomesOf(result)).toEqual({ quick: 'succeeded', slow: 'timedOut', after: 'skipped' });
    expect(result).toMatchObject({ outcome: 'failed', message: 'slow: stage "slow" took longer than 30 s' });
  });

  it('stops a stage that waits for its next attempt at the timeout of the run', async () => {
    const harness = new RunHarness(
      pipelineOf(
        'timeout: 1m\nstages: [{name: a, retry: {max: 1, on: [failure], backoff: 5m}, wait: {for: 1s, result: failed}}]',
      ),
    );

    const result = await harness.start();

    expect(result.durationMs).toBe(60_000);
    expect(outcomesOf(result)).toEqual({ a: 'timedOut' });
  });

  it('stops the stages at the timeout of the run, and still runs the finally stages', async () => {
    const harness = new RunHarness(
      pipelineOf(`
timeout: 1m
stages:
  - {name: slow, run: "sleep 5m"}
  - {name: after, run: "echo never"}
finally:
  - {name: tell, run: "sleep 2m"}
`),
    );

    const result = await harness.start();

    expect(outcomesOf(result)).toEqual({ slow: 'timedOut', after: 'cancelled', tell: 'succeeded' });
    expect(result).toMatchObject({
      outcome: 'failed',
      message: 'the run took longer than 60 s',
      hint: expect.stringContaining('`timeout` of the file'),
    });
  });
});

describe('the agent of a run', () => {
  it('tells once, and at once, that the pod cannot start', async () => {
    const harness = new RunHarness(three);
    harness.agents.failAcquire.push(new AgentError('quota', 'the quota "small" admits no further pod'));

    const result = await harness.start();

    expect(result).toMatchObject({
      outcome: 'infrastructure',
      message: 'source: the quota "small" admits no further pod; also: tell',
    });
    expect(harness.story().filter((line) => line.startsWith('agent.problem'))).toEqual([
      'agent.problem quota',
    ]);
  });

  it('is infrastructure when the pod is lost, never a failed script', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: build, run: "sleep 1s\\nlose evicted"}]'));

    const result = await harness.start();

    expect(result).toMatchObject({
      outcome: 'infrastructure',
      message: 'build: the agent pod is gone: evicted',
    });
    expect(harness.story()).toContain('agent.problem evicted');
  });

  it('is infrastructure when the pod never becomes ready', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: build, timeout: 1m, run: "echo a"}]'));
    harness.after(50, () => harness.agents.lose('imagePull'));

    const result = await harness.start();

    expect(result).toMatchObject({
      outcome: 'infrastructure',
      message: 'build: the agent pod is gone: imagePull',
    });
    expect(harness.story().filter((line) => line.startsWith('agent.problem'))).toEqual([
      'agent.problem imagePull',
    ]);
  });

  it('replaces a lost pod for a retry, and brings the workspace back first', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: build, run: "need source\\nwrite app=1"}
  - {name: test, retry: {max: 1, backoff: 1s}, run: "need app\\nonce lost lose deleted\\necho ok"}
`),
    );

    const result = await harness.start();

    expect(outcomesOf(result)).toEqual({ source: 'succeeded', build: 'succeeded', test: 'succeeded' });
    expect(harness.agents.calls).toEqual([
      'acquire main',
      'start source.1.checkout',
      'start build.1.run',
      'start test.1.run',
      'release main',
      'acquire main-2',
      'start source.2.checkout',
      'start build.2.run',
      'start test.2.run',
      'release',
    ]);
    expect(harness.store.recordOf('01RUN')?.agents).toEqual({ main: 'main-2' });
  });

  it('brings back for a retry only what the stage builds on, each stage once', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: lint, needs: [source], run: "need source"}
  - {name: build, needs: [source], run: "write app=1"}
  - {name: unit, needs: [build], retry: {max: 1, backoff: 1s}, run: "need app\\nsleep 10s\\nneed app"}
  - {name: web, needs: [build], retry: {max: 1, backoff: 2s}, run: "need app\\nsleep 5s\\nonce l lose evicted\\nneed app"}
`),
    );

    const result = await harness.start();

    expect(result.outcome).toBe('succeeded');
    expect(harness.agents.calls.slice(harness.agents.calls.indexOf('acquire main-2'))).toEqual([
      'acquire main-2',
      'start source.2.checkout',
      'start build.2.run',
      'start unit.2.run',
      'start web.2.run',
      'release',
    ]);
  });

  it('gives a stage no new pod when one before it has lost it', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: a, allowFailure: true, run: "lose evicted"}
  - {name: b, run: "echo b"}
`),
    );

    const result = await harness.start();

    expect(outcomesOf(result)).toEqual({ a: 'infrastructure', b: 'infrastructure' });
    expect(harness.agents.calls).not.toContain('acquire main-2');
  });

  it('ends a stage by the reason why its lost pod could not be removed', async () => {
    const harness = new RunHarness(
      pipelineOf('stages: [{name: build, retry: {max: 2, backoff: 1s}, run: "once l lose deleted"}]'),
    );
    const release = harness.agents.release.bind(harness.agents);
    harness.agents.release = (run, options) =>
      run.agent === undefined
        ? release(run, options)
        : Promise.reject(new AgentError('forbidden', 'no right to delete'));

    const result = await harness.start();

    expect(result).toMatchObject({ outcome: 'failed', message: 'build: no right to delete' });
    expect(result.stages[0]?.attempts).toBe(1);
  });

  it('gives finally stages a new pod when the run’s was lost', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: one, run: "write one=1"}
  - {name: build, run: "lose nodeLost"}
finally:
  - {name: tell, run: "need source"}
`),
    );

    const result = await harness.start();

    expect(result.outcome).toBe('infrastructure');
    expect(outcomesOf(result)['tell']).toBe('succeeded');
    expect(harness.agents.calls.slice(-4)).toEqual([
      'acquire main-2',
      'start source.2.checkout',
      'start tell.1.run',
      'release',
    ]);
  });

  it('gives one hash for the files that match', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: build, env: {KEY: "npm-\${{ hashFiles('**/package-lock.json') }}"}, run: "echo x\\noutput a=b"}
`),
    );
    const sum = (digit: string, path: string) => `${digit.repeat(64)}  ./${path}\n`;
    harness.agents.answer = () =>
      sum('a', 'package-lock.json') + sum('b', 'web/package-lock.json') + sum('c', 'notpackage-lock.json');

    const result = await harness.start();

    expect(result.outcome).toBe('succeeded');
    expect(harness.agents.calls).toContain('query /workspace/src *package-lock.json');
  });
});
