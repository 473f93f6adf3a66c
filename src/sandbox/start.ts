import { defined } from '../base/defined.ts';
import { messageOf, SlipwayError } from '../base/errors.ts';
import { writeRunning } from './running.ts';
import { startSandbox } from './server.ts';

/**
 * The sandbox as a process of its own, started by `startDetached`: `node start.ts FOLDER [OPTIONS AS JSON]`. It tells
 * its parent by a message that it is ready or why it cannot start, and ends on SIGTERM or SIGINT.
 */
async function main(): Promise<void> {
  const [folder, options = '{}'] = process.argv.slice(2);
  if (folder === undefined) throw new TypeError('the state folder is missing');
  const log = (message: string): void => {
    process.stderr.write(`${new Date().toISOString()} ${message}\n`);
  };
  const sandbox = await startSandbox({
    ...(JSON.parse(options) as { strictImages?: boolean }),
    folder,
    onError: (error, what) => {
      log(`${what}: ${messageOf(error)}`);
    },
  });
  const forget = writeRunning(folder, {
    pid: process.pid,
    address: sandbox.address,
    registry: sandbox.registry,
    ...defined({ gateway: sandbox.gateway }),
  });

  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    log('ends');
    sandbox
      .close()
      .catch((error: unknown) => {
        log(messageOf(error));
      })
      .finally(() => {
        forget();
        process.exit(0);
      });
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  log(`ready at ${sandbox.address}`);
  sendToParent({ ready: true });
}

/** What the parent receives: that the sandbox is ready, or why not. */
export type StartMessage = { ready: true } | { ready: false; message: string; hint?: string };

function sendToParent(message: StartMessage): void {
  process.send?.(message, () => {
    if (process.connected) process.disconnect();
  });
}

main().catch((error: unknown) => {
  const hint = error instanceof SlipwayError ? error.hint : undefined;
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  sendToParent({ ready: false, message: messageOf(error), ...defined({ hint }) });
  process.exitCode = 1;
});
