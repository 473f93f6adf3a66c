import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it } from '@jest/globals';
import { holderName, isEnded } from '../../../../src/adapters/system/process-identity.ts';

const source = new URL('../../../../src/adapters/system/process-identity.ts', import.meta.url).href;

/** A process of this machine that says its name and waits. */
async function otherProcess(): Promise<{ holder: string; end: () => Promise<unknown> }> {
  const script = `import(${JSON.stringify(source)}).then((m) => console.log(m.holderName())); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [holder] = (await once(createInterface(child.stdout), 'line')) as [string];
  return {
    holder,
    end: async () => {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    },
  };
}

describe('the name of a process', () => {
  it('is readable, and another one for each lease', () => {
    expect(holderName()).toMatch(new RegExp(`^[^/]+/${String(process.pid)}/[0-9a-f.]+$`));
    expect(holderName()).not.toBe(holderName());
  });

  it('tells whether a process of this machine has ended', async () => {
    const { holder, end } = await otherProcess();
    const before = isEnded(holder);

    await end();

    expect(before).toBe(false);
    expect(isEnded(holder)).toBe(true);
  });

  it('tells that its number was given to another process', () => {
    const [host, pid, identity = ''] = holderName().split('/');
    const [machine, , random] = identity.split('.');

    expect(isEnded(holderName())).toBe(false);
    expect(isEnded(`${String(host)}/${String(pid)}/${String(machine)}.1.${String(random)}`)).toBe(true);
  });

  it.each([
    ['of another machine, container or boot', 'agent-7/999999999/00000000.12.ab12cd34'],
    ['of an older version', 'agent-7/999999999/ab12cd34'],
    ['of a release', 'run 01J, runner 2, stage deploy, ab12cd34'],
    ['of nobody', ''],
  ])('tells nothing %s', (_whose, holder) => {
    expect(isEnded(holder)).toBe(false);
  });
});
