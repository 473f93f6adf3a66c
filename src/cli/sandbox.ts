import path from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import { cancelOnSignals } from './cancellation.ts';
import { writeLine } from './write-line.ts';

/** What can be done with the sandbox. */
export const sandboxActions = ['start', 'stop', 'status', 'reset', 'kubeconfig'] as const;

/** `pipeline sandbox start|stop|status|reset|kubeconfig` */
export function sandboxCommand(): CommandModule {
  return {
    command: 'sandbox',
    describe: 'the embedded cluster on this machine: start, stop, status, reset, kubeconfig',
    builder: (yargs) =>
      withFolder(yargs)
        .command(
          action('start', 'start it unless it is running', start, (more) =>
            more.option('strict-images', {
              type: 'boolean',
              default: false,
              describe: 'fail when an image is missing, instead of using this machine’s tools',
            }),
          ),
        )
        .command(action('stop', 'stop it and all its pods; keep its state', stop))
        .command(action('status', 'show whether it is running, and where', status))
        .command(action('reset', 'stop it and delete all its state', reset))
        .command(action('kubeconfig', 'print the path of its kubeconfig', kubeconfig))
        .demandCommand(1, `name one of ${sandboxActions.join(', ')}`),
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
    `the sandbox is running at ${running.address}`,
    `export KUBECONFIG=${running.kubeconfig}`,
    ...(running.gateway === undefined
      ? []
      : [`its gateway routes HTTPRoutes and Ingresses at ${running.gateway}, by the Host header`]),
    'its pods are processes of this machine, without isolation (docs/sandbox.md)',
    ...notInPods(process.env),
  ].join('\n');
}

/** What of this machine's way out its pods lack, as those of any cluster do; nothing where it has none. */
export function notInPods(environment: NodeJS.ProcessEnv): string[] {
  const names = Object.keys(environment).filter(
    (name) =>
      /^(?:https?|all)_proxy$|^NODE_EXTRA_CA_CERTS$|^SSL_CERT_(?:FILE|DIR)$/i.test(name) &&
      environment[name] !== '',
  );
  if (names.length === 0) return [];
  return [
    `its pods do not get ${names.sort().join(', ')} of this machine: set them by env where steps need them (docs/sandbox-pods.md)`,
  ];
}

async function stop({ folder, signal }: Request): Promise<string> {
  const sandbox = await import('../app/sandbox.ts');
  return (await sandbox.stop({ folder, signal }))
    ? 'the sandbox is stopped; its state is kept'
    : 'no sandbox is running';
}

async function status({ folder }: Request): Promise<string> {
  const sandbox = await import('../app/sandbox.ts');
  const now = sandbox.status({ folder });
  if (now.state === 'stopped') return `no sandbox is running in ${folder}`;
  return [
    `address     ${now.address}`,
    ...(now.gateway === undefined ? [] : [`gateway     ${now.gateway}`]),
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
