import path from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import { cancelOnSignals } from './cancellation.ts';
import { writeLine } from './write-line.ts';

/** `pipeline sandbox start|stop|status|reset|kubeconfig` */
export function sandboxCommand(): CommandModule {
  return {
    command: 'sandbox',
    describe: 'the embedded cluster on this machine: start, stop, status, reset, kubeconfig',
    builder: (yargs) =>
      withFolder(yargs)
        .command(
          action('start', 'start it, unless it runs', start, (more) =>
            more.option('strict-images', {
              type: 'boolean',
              default: false,
              describe: 'an image that it does not have is an error, instead of this machine’s tools',
            }),
          ),
        )
        .command(action('stop', 'end it and all its pods; its state stays', stop))
        .command(action('status', 'whether it runs, and where', status))
        .command(action('reset', 'end it and remove all its state', reset))
        .command(action('kubeconfig', 'print the path of its kubeconfig', kubeconfig))
        .demandCommand(1, 'name one of start, stop, status, reset, kubeconfig'),
    handler: () => undefined,
  };
}

function withFolder<T>(yargs: Argv<T>) {
  return yargs.option('folder', {
    type: 'string',
    describe: 'state folder; default: $XDG_STATE_HOME/slipway/sandbox',
  });
}

interface Request {
  folder: string;
  strictImages: boolean;
  signal: AbortSignal;
}

function action(
  name: string,
  describe: string,
  act: (request: Request) => Promise<string>,
  builder: (yargs: Argv) => Argv = (yargs) => yargs,
): CommandModule {
  return {
    command: name,
    describe,
    builder,
    handler: async (args) => {
      const { defaultSandboxFolder } = await import('../app/sandbox.ts');
      const given = args['folder'];
      const folder = typeof given === 'string' ? path.resolve(given) : defaultSandboxFolder();
      const { signal, dispose } = cancelOnSignals();
      try {
        const text = await act({ folder, strictImages: args['strictImages'] === true, signal });
        await writeLine(process.stdout, text);
      } finally {
        dispose();
      }
    },
  };
}

async function start(request: Request): Promise<string> {
  const sandbox = await import('../app/sandbox.ts');
  const running = await sandbox.startDetached(request);
  return [
    `the sandbox answers at ${running.address}`,
    `export KUBECONFIG=${running.kubeconfig}`,
    'its pods are processes of this machine: it isolates nothing (docs/sandbox.md)',
  ].join('\n');
}

async function stop({ folder, signal }: Request): Promise<string> {
  const sandbox = await import('../app/sandbox.ts');
  return (await sandbox.stop({ folder, signal }))
    ? 'the sandbox has ended; its state is kept'
    : 'no sandbox runs';
}

async function status({ folder }: Request): Promise<string> {
  const sandbox = await import('../app/sandbox.ts');
  const now = sandbox.status({ folder });
  if (now.state === 'stopped') return `no sandbox runs with ${folder}`;
  return [
    `address     ${now.address}`,
    `registry    ${now.registry.address} (user ${now.registry.credentials.username})`,
    `kubeconfig  ${now.kubeconfig}`,
    `state       ${folder}`,
    `process     ${String(now.pid)}`,
  ].join('\n');
}

async function reset({ folder, signal }: Request): Promise<string> {
  const sandbox = await import('../app/sandbox.ts');
  await sandbox.reset({ folder, signal });
  return `the sandbox’s state in ${folder} is removed`;
}

async function kubeconfig({ folder }: Request): Promise<string> {
  const sandbox = await import('../app/sandbox.ts');
  return sandbox.kubeconfigPath({ folder });
}
