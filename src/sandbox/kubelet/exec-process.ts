import type { ExecProcess, ExecRequest, ExecResult } from '../api/pod-streams.ts';
import type { CommandProcess } from './running-process.ts';

/** A command in a container as the API's exec serves it; it is killed when the request is aborted. */
export function execProcess(
  child: CommandProcess,
  { stdin, stdout, stderr, signal }: ExecRequest,
): ExecProcess {
  const stop = (): void => child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  if (!stdout) child.stdout.resume();
  if (!stderr) child.stderr.resume();
  const result = child.ended.then(({ exitCode }): ExecResult => {
    signal.removeEventListener('abort', stop);
    return { kind: 'exited', exitCode };
  });
  return {
    stdin: stdin ? child.stdin : undefined,
    stdout: stdout ? child.stdout : undefined,
    stderr: stderr ? child.stderr : undefined,
    resize: (size) => child.resize(size),
    result,
  };
}
