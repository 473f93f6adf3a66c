import { readFile, writeFile } from 'node:fs/promises';

import { runCommand, type CommandResult } from '../../scripts/run-command.ts';
import { checkoutScript } from '../../src/stages/checkout/script.ts';

/** A checkout by the script that runs in agents, on this machine. */
export interface ScriptedCheckout extends CommandResult {
  /** What the script says of the commit. */
  outputs: Record<string, string>;
}

/** Runs the script as a step does, into the folder `target`; never throws for its exit code. */
export async function checkOut(target: string, env: Record<string, string>): Promise<ScriptedCheckout> {
  const file = `${target}.outputs`;
  await writeFile(file, '');
  const defaults = {
    CHECKOUT_PATH: target,
    CHECKOUT_REF: '',
    CHECKOUT_DEPTH: '1',
    CHECKOUT_SUBMODULES: 'false',
    CHECKOUT_LFS: '',
    SLIPWAY_OUTPUT: file,
  };
  const result = await runCommand(['sh', '-e', '-c', checkoutScript], {
    env: { PATH: process.env['PATH'], ...defaults, ...env },
    allowFailure: true,
  });
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  const outputs = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return { ...result, outputs };
}
