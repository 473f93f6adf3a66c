import { spawn } from 'node:child_process';

/** What a finished command left. */
export interface CommandResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** How a command is run. */
export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Text for its standard input; without it the input is empty. */
  input?: string;
  /** True: a non-zero exit code is a result, not an error. */
  allowFailure?: boolean;
  /** True: output goes to this process's own output instead of into the result. */
  inherit?: boolean;
  signal?: AbortSignal;
}

/**
 * Runs a program with arguments (no shell) and waits for its end.
 * @throws Error with the command's last output when it fails and `allowFailure` is not set.
 */
export async function runCommand(
  command: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const [program, ...args] = command;
  if (program === undefined) throw new Error('an empty command');
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env,
    signal: options.signal,
    stdio: options.inherit === true ? ['pipe', 'inherit', 'inherit'] : 'pipe',
  });
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  // A command that does not read its input may close it first: that is no fault.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input ?? '');
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
  if (exitCode !== 0 && options.allowFailure !== true) {
    const tail = `${output.stdout}\n${output.stderr}`.trim().split('\n').slice(-25).join('\n');
    throw new Error(`${command.join(' ')} ended with ${exitCode}:\n${tail}`);
  }
  return { exitCode, ...output };
}
