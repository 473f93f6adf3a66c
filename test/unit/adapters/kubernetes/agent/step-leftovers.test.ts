import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { makeStepWrapper, type StepWrapper, type WrapperShell } from '../../../../support/step-wrapper.ts';
import { waitFor } from '../../../../support/wait-for.ts';

const shells: WrapperShell[] = ['sh', 'bash', 'busybox'];

describe.each(shells.filter((shell) => existsSync(`/bin/${shell}`)))(
  'under %s, what a step leaves',
  (shell) => {
    let wrapper: StepWrapper;
    let left: number[];
    beforeEach(async () => {
      wrapper = await makeStepWrapper(shell);
      left = [];
    });
    afterEach(async () => {
      for (const pid of left.filter(isAlive)) process.kill(pid, 'SIGKILL');
      await wrapper.remove();
    });

    /** Runs a script that writes the process ids of what it leaves to the file $LEFT, a line each. */
    async function leave(script: string, options = '') {
      const file = path.join(wrapper.home, 'left');
      const startedAt = performance.now();
      const ended = await wrapper.run('build.1', `LEFT=${file}\n${script}\n`, options);
      const tookMs = performance.now() - startedAt;
      const lines = (await readFile(file, 'utf8')).split('\n');
      left = lines.filter((line) => line !== '').map(Number);
      return { ...ended, tookMs };
    }

    it.each([
      ['in its process group', 'sleep 300 >/dev/null 2>&1 & echo $! >$LEFT'],
      ['in a session of its own', `setsid sh -c 'echo $$ >$0; exec sleep 300' $LEFT >/dev/null 2>&1 &`],
      ['as a daemon', `(setsid sh -c 'sleep 300 & echo $! >$0' $LEFT >/dev/null 2>&1 &)`],
      [
        'in a session of its own, deaf to TERM',
        `setsid sh -c 'trap "" TERM; echo $$ >$0; while :; do sleep 0.1; done' $LEFT >/dev/null 2>&1 &`,
      ],
      ['in its process group, with its output', 'sleep 300 & echo $! >$LEFT'],
      [
        'without its environment, below one that has it',
        `env X=1 setsid sh -c 'env -i "$(command -v setsid)" "$(command -v sleep)" 300 & echo $! >$0; wait' $LEFT >/dev/null 2>&1 &`,
      ],
    ])('running %s ends with it', async (_, script) => {
      const { log, records, tookMs } = await leave(
        `${script}\nuntil [ -s $LEFT ]; do sleep 0.01; done\nexit 7`,
      );

      expect(left.filter(isAlive)).toEqual([]);
      expect(left).not.toEqual([]);
      expect(records).toMatch(/SLIPWAY end 7 /);
      expect(log).toMatch(/^\[slipway: ended what this step had left running: .*(?:sleep|sh).*\]\n$/);
      expect(tookMs).toBeLessThan(6000);
    });

    it('running stays when the step says so', async () => {
      const { log, records } = await leave('setsid sleep 300 >/dev/null 2>&1 & echo $! >$LEFT; exit 7', 'b');

      expect(left.filter(isAlive)).toEqual(left);
      expect(records).toMatch(/SLIPWAY end 7 /);
      expect(log).toBe('');
    });

    it('running of another step is not touched', async () => {
      const other = wrapper.run(
        'build.10',
        `echo up; until [ -e ${wrapper.home}/go ]; do sleep 0.02; done; exit 3\n`,
      );
      await untilThere(wrapper.home, 'steps/build.10/group');

      const { records } = await leave(': >$LEFT');
      await wrapper.run('build.2', `: >${wrapper.home}/go\n`);

      expect(records).toMatch(/SLIPWAY end 0 /);
      expect((await other).records).toMatch(/SLIPWAY end 3 /);
    });

    it('that is about to end by itself may do so', async () => {
      const copy = path.join(wrapper.home, 'copy');
      const { log } = await leave(`: >$LEFT; (sleep 0.05; echo late >${copy}) >/dev/null 2>&1 & echo done`);

      expect(log).toBe('done\n');
      expect(await readFile(copy, 'utf8')).toBe('late\n');
    });

    it('running when it is cancelled has its grace time', async () => {
      const script = `
      sh -c 'trap "sleep 1.5; echo cleaned up; exit" TERM; echo $$ >$0; while :; do sleep 0.1; done' $LEFT &
      wait
    `;
      const leaving = leave(script);
      await untilThere(wrapper.home, 'left');
      await wrapper.step(['cancel', 'build.1', '5']);

      const { log, records } = await leaving;

      expect(log).toMatch(/^(?:Terminated\n)?cleaned up\n$/);
      expect(records).toMatch(/SLIPWAY end 143 \d+ \d+ 1 /);
      expect(left.filter(isAlive)).toEqual([]);
    });
  },
);

describe('without /proc, what a step leaves', () => {
  it('running in its process group ends with it', async () => {
    const wrapper = await makeStepWrapper('sh', false);
    try {
      const { log, records } = await wrapper.run('build.1', 'sleep 300 >/dev/null 2>&1 & echo $!; exit 7\n');
      const [pid, ...rest] = log.split('\n');

      expect(records).toMatch(/SLIPWAY end 7 /);
      expect(rest).toEqual(['[slipway: ended what this step had left running: processes]', '']);
      expect(isAlive(Number(pid))).toBe(false);
    } finally {
      await wrapper.remove();
    }
  });
});

/** Whether a process runs; one that nobody has reaped does not. */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function untilThere(...names: string[]): Promise<void> {
  const file = path.join(...names);
  await waitFor(file, async () => (existsSync(file) ? true : undefined), { intervalMs: 10 });
}
