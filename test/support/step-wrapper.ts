import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { stepScript } from '../../src/adapters/kubernetes/agent/step-script.ts';

/** The shell that runs the wrapper, and whose tools it finds. */
export type WrapperShell = 'sh' | 'bash' | 'busybox';

/** The wrapper of agent pods, laid down in a folder of this machine. */
export interface StepWrapper {
  home: string;
  /** Runs it as an exec in the pod does. */
  step(args: readonly string[], launch?: string, mask?: string): Promise<{ log: string; records: string }>;
  /** Runs one step; `options` are those of the wrapper (`t`, `b`). */
  run(id: string, launch: string, options?: string): Promise<{ log: string; records: string }>;
  /** Gives it one step after the other by one exec. */
  serve(options?: string): {
    step(id: string, launch: string): Promise<void>;
    end(): Promise<{ log: string; records: string }>;
  };
  remove(): Promise<void>;
}

/** Tools that the wrapper and its tests use, as busybox has them. */
const applets = 'cat date dd env grep head kill mkdir mkfifo mv rm setsid sh sleep stat tail tr wc';

/** Lays the wrapper down; without `proc` it finds no /proc, as on macOS. */
export async function makeStepWrapper(shell: WrapperShell = 'sh', proc = true): Promise<StepWrapper> {
  const home = await mkdtemp(path.join(tmpdir(), 'slipway-step-'));
  const env = { ...process.env };
  let program = `/bin/${shell}`;
  if (shell === 'busybox') {
    const tools = path.join(home, 'tools');
    await mkdir(tools);
    for (const applet of applets.split(' ')) await symlink('/bin/busybox', path.join(tools, applet));
    env['PATH'] = tools;
    program = path.join(tools, 'sh');
  }
  const script = path.join(home, 'step');
  const content = stepScript.replaceAll('/bin/sh', program);
  await writeFile(script, proc ? content : content.replaceAll('/proc/', '/no-such-folder/'));
  const step: StepWrapper['step'] = async (args, launch = '', mask = '022') => {
    const command = `umask ${mask}; exec ${program} "$0" "$@"`;
    const child = spawn(program, ['-c', command, script, ...args], { stdio: 'pipe', env });
    child.stdin.on('error', ignoreUnread).end(launch);
    const [log, records] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { log, records };
  };
  return {
    home,
    step,
    run: (id, launch, options = '') =>
      step(['run', id, String(Buffer.byteLength(launch)), '0', '1000000', options], launch),
    serve: (options = '') => serve(spawn(program, [script, 'serve'], { stdio: 'pipe', env }), options),
    // The supervisor of a step that has ended may still write its last file into the folder.
    remove: () => rm(home, { recursive: true, force: true, maxRetries: 20 }),
  };
}

/** A wrapper that ends at once leaves its standard input unread, which is no fault of it. */
function ignoreUnread(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') throw error;
}

function serve(child: ChildProcessWithoutNullStreams, options: string): ReturnType<StepWrapper['serve']> {
  const ended = Promise.all([text(child.stdout), text(child.stderr)]);
  let idle = Promise.withResolvers<undefined>();
  child.stderr.on('data', (data: Buffer) => {
    if (data.includes('SLIPWAY idle')) idle.resolve(undefined);
  });
  child.on('exit', () => idle.reject(new Error('the exec ended')));
  return {
    async step(id: string, launch: string) {
      await idle.promise;
      idle = Promise.withResolvers();
      child.stdin.write(`run ${id} ${String(Buffer.byteLength(launch))} 0 1000000 ${options}\n${launch}`);
      await idle.promise;
    },
    async end() {
      child.removeAllListeners('exit');
      child.stdin.end();
      const [log, records] = await ended;
      return { log, records };
    },
  };
}
