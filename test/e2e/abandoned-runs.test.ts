import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { numbers } from '../support/numbered-lines.ts';
import { expectExit } from '../support/pipeline-command.ts';
import { makeRunsBench, type RunsBench } from '../support/runs-bench.ts';
import { waitFor } from '../support/wait-for.ts';

jest.setTimeout(400_000);

let bench: RunsBench;
beforeAll(async () => {
  bench = await makeRunsBench('abandoned');
});
afterEach(() => bench.killAll());
afterAll(() => bench.remove());

describe('a run whose runner was killed', () => {
  it('is shown by attach, which says when it has no owner any more, and who owns it then', async () => {
    const { running, id } = await bench.beginRun([numbers(5000, 1)]);
    await running.output(/number 100\n/);
    const watcher = bench.begin('attach', id);
    await watcher.output(/owned by/);
    await bench.kill(running);

    await watcher.output(new RegExp(`no longer renews its lease: .pipeline resume ${id}. resumes it`));
    const resumed = bench.begin('resume', id);

    expectExit(await resumed.result, 0);
    const seen = await watcher.result;
    expectExit(seen, 0);
    expect(seen.stdout).toMatch(new RegExp(`owned by \\S+/${String(resumed.child.pid)}/\\S+ now`));
    expect(seen.stdout).toContain('[count] number 5000\n');
  });

  it('is left alone by gc --keep-runs, and leaves nothing after gc', async () => {
    const { running, id } = await bench.beginRun([{ name: 'long', run: 'echo begun; sleep 600' }]);
    await running.output(/\[long\] begun/);
    await bench.kill(running);

    const careful = await bench.pipeline('gc', '--keep-runs');
    const between = await bench.left();
    const thorough = await bench.pipeline('gc');

    expectExit(careful, 0);
    expect(between).toContainEqual(expect.stringMatching(/^Pod\//));
    expectExit(thorough, 0);
    expect(thorough.stdout).toContain(`removed run ${id}`);
    await waitFor('nothing to be left', async () => ((await bench.left()).length === 0 ? true : undefined));
    expect(await bench.stateOf(id)).toBeUndefined();
  });

  it('and was cancelled since ends as cancelled when it is resumed', async () => {
    const { running, id } = await bench.beginRun([{ name: 'long', run: 'echo begun; sleep 600' }], {
      finally: [{ name: 'tidy', run: 'echo "tidied up"' }],
    });
    await running.output(/\[long\] begun/);
    await bench.kill(running);
    expectExit(await bench.pipeline('cancel', id), 0);

    const result = await bench.pipeline('resume', id);

    expectExit(result, 4);
    expect(result.stdout).toContain('[tidy] tidied up\n');
    expect(await bench.left()).toEqual([]);
  });
});
