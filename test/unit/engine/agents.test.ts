import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { podNameAfter } from '../../../src/engine/agent-names.ts';
import { agentOf, type Plan } from '../../../src/plan/plan.ts';
import { AgentError } from '../../../src/ports/agent.ts';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import { outcomesOf, pipelineOf, RunHarness } from '../../fakes/run-harness.ts';

/** The plan with a second agent, `web`, that the named stages work in. */
function withWeb(...stages: string[]): (plan: Plan) => Plan {
  return (plan) => {
    const main = agentOf(plan, { name: '', agent: 'main' });
    const web = { ...main, containers: [{ name: 'browser', image: 'browser:1', env: {} }] as const };
    const nodes = plan.nodes.map((node) => (stages.includes(node.name) ? { ...node, agent: 'web' } : node));
    return { ...plan, agents: { main, web }, nodes };
  };
}

const two = pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: build, run: "need source\\nwrite app=1\\noutput version=1.2"}
  - {name: fetch, needs: [], run: "write pages=1"}
  - name: pages
    needs: [build, fetch]
    env: {V: "\${{ stages.build.outputs.version }}", SHA: "\${{ git.sha }}"}
    run: "need pages\\nexpect V=1.2\\nexpect SHA=c0ffee12\\nsleep 10s\\nneed pages"
  - {name: pack, needs: [build], run: "need app\\nsleep 10s\\nneed app"}
finally:
  - {name: tell, run: "need source"}
`);
const inWeb = withWeb('fetch', 'pages');

describe('a run with two agents', () => {
  it('runs each stage in its own, and removes both at the end', async () => {
    const harness = new RunHarness(two, { adapt: inWeb });

    const result = await harness.start();

    expect(result.outcome).toBe('succeeded');
    const { calls } = harness.agents;
    expect(calls.filter((call) => call.startsWith('acquire')).sort()).toEqual([
      'acquire main',
      'acquire web',
    ]);
    expect(calls.filter((call) => call.startsWith('release'))).toEqual(['release']);
    expect(harness.agents.pods.size).toBe(0);
    expect(harness.story().filter((line) => line.startsWith('agent.'))).toEqual([
      'agent.created demo-main',
      'agent.created demo-web',
      'agent.ready demo-main',
      'agent.ready demo-web',
      'agent.removed demo-main',
      'agent.removed demo-web',
    ]);
  });

  it('tells once for each what the API warns of when its pods are made', async () => {
    const harness = new RunHarness(two, { adapt: inWeb });
    harness.agents.warnings.push('would violate PodSecurity', 'would violate PodSecurity');

    await harness.start();

    const notices = harness.events.filter((event) => event.type === 'notice' && event.level === 'warning');
    expect(notices.map((event) => 'message' in event && event.message)).toEqual([
      'the pod of agent main: would violate PodSecurity',
      'the pod of agent web: would violate PodSecurity',
    ]);
  });

  it('keeps both when asked to', async () => {
    const harness = new RunHarness(two, { adapt: inWeb });

    await harness.start({ keepAgent: true });

    expect([...harness.agents.pods.keys()]).toEqual(['demo-main', 'demo-web']);
    expect(harness.story().filter((line) => line.startsWith('agent.kept'))).toEqual([
      'agent.kept demo-main',
      'agent.kept demo-web',
    ]);
  });

  it('has its pods made while a stage before them is still preparing', async () => {
    const harness = new RunHarness(
      pipelineOf('stages: [{name: prepare, wait: {for: 60s}}, {name: build, run: "write app=1"}]'),
    );

    await harness.start();

    const story = harness.story();
    expect(story.indexOf('agent.ready demo-main')).toBeGreaterThan(-1);
    expect(story.indexOf('agent.ready demo-main')).toBeLessThan(
      story.indexOf('stage.finished prepare succeeded'),
    );
  });

  it('makes no agent that no stage works in', async () => {
    const harness = new RunHarness(two, { adapt: withWeb() });
    harness.agents.failAcquire.push(new AgentError('quota', 'no room'));

    await harness.start();

    expect(harness.agents.calls).not.toContain('acquire web');
  });

  it('replaces one alone, and brings back what was in that one', async () => {
    const text = two.replace('{name: pack,', '{name: pack, retry: {max: 1, backoff: 1s},');
    const harness = new RunHarness(text, { adapt: inWeb });
    harness.after(5000, () => harness.agents.lose('evicted', 'main'));

    const result = await harness.start();

    expect(result.outcome).toBe('succeeded');
    const { calls } = harness.agents;
    expect(calls.slice(calls.indexOf('release main'))).toEqual([
      'release main',
      'acquire main-2',
      'start source.2.checkout',
      'start build.2.run',
      'start pack.2.run',
      'start tell.1.run',
      'release',
    ]);
    expect(calls.filter((call) => call.includes('pages'))).toEqual(['start pages.1.run']);
    expect(harness.store.recordOf('01RUN')?.agents).toEqual({ main: 'main-2' });
  });

  it('is resumed with both, as they are', async () => {
    const text = two.replace('name: pages', 'name: pages\n    retry: {max: 1, backoff: 1s}');
    const harness = new RunHarness(text, { adapt: inWeb });
    harness.after(5000, () => harness.agents.lose('evicted', 'web'));
    harness.after(9000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    const before = harness.agents.calls.length;

    const result = await harness.resume();

    expect(result.outcome).toBe('succeeded');
    expect(outcomesOf(result)['tell']).toBe('succeeded');
    expect([...harness.agents.calls.slice(before)].sort()).toEqual([
      'acquire main',
      'acquire web-2',
      'follow pack.1.run',
      'follow pages.2.run',
      'release',
      'start tell.1.run',
    ]);
  });

  it('works in the folder of the checkout that is in the same agent', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: here, env: {KEY: "\${{ hashFiles('x') }}"}, run: "echo a"}
  - {name: there, env: {KEY: "\${{ hashFiles('x') }}"}, run: "echo a"}
`),
      { adapt: withWeb('there') },
    );

    await harness.start();

    expect(harness.agents.calls.filter((call) => call.startsWith('query'))).toEqual([
      'query /workspace/src x',
      'query /workspace/. x',
    ]);
  });
});

describe('the name of a pod that replaces another', () => {
  it.each([
    ['main', 'main', 'main-2'],
    ['main-2', 'main', 'main-3'],
    ['node-20', 'node-20', 'node-20-2'],
    ['node-20-9', 'node-20', 'node-20-10'],
  ])('is, after %s of agent %s, %s', (current, agent, expected) => {
    expect(podNameAfter(current, agent, new Set())).toBe(expected);
  });

  it('is never that of another agent, nor of another agent’s pod', () => {
    const names = fc.constantFrom('a', 'a-1', 'a-2', 'a-2-2', 'a-3', 'b');
    fc.assert(
      fc.property(
        fc.uniqueArray(names, { minLength: 1 }),
        fc.integer({ min: 1, max: 5 }),
        (agents, times) => {
          const taken = new Set<string>(agents);
          const all = agents.flatMap((agent) => {
            const pods: string[] = [agent];
            for (let count = 0; count < times; count += 1)
              pods.push(podNameAfter(pods.at(-1)!, agent, taken));
            return pods;
          });

          expect(new Set(all).size).toBe(all.length);
        },
      ),
    );
  });
});
