import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { isAbsolute, join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Agent } from '../../src/ports/agent.ts';

/** What a {@link folderAgent} was asked, for tests that look at it. */
export interface FolderAgentCalls {
  downloads: { paths: readonly string[]; directory: string; excludes: readonly string[] }[];
}

/** An agent whose workspace is a folder of this machine and whose pod is this machine. Steps are not its business. */
export function folderAgent(workspace: string): Agent & { calls: FolderAgentCalls } {
  const calls: FolderAgentCalls = { downloads: [] };
  const inWorkspace = (path: string | undefined) =>
    path === undefined ? workspace : isAbsolute(path) ? path : join(workspace, path);
  return {
    calls,
    namespace: 'test',
    pod: 'folder',
    workspace,
    cache: join(workspace, '.cache'),
    ready: () => Promise.resolve(),
    runStep: () => Promise.reject(new Error('a folder agent runs no steps')),
    query: async ([program = 'true', ...args], { signal }) => {
      const child = spawn(program, args, { cwd: workspace, signal, stdio: ['ignore', 'pipe', 'pipe'] });
      const [stdout, stderr, closed] = await Promise.all([
        textOf(child.stdout),
        textOf(child.stderr),
        once(child, 'close'),
      ]);
      return { exitCode: (closed as unknown[])[0] as number, stdout, stderr };
    },
    download: async (paths, { directory, excludes = [] }) => {
      const from = inWorkspace(directory);
      calls.downloads.push({ paths, directory: from, excludes });
      const leftOut = excludes.map((path) => `--exclude=./${path}`);
      const child = spawn('tar', ['-C', from, '--anchored', ...leftOut, '-cf', '-', '--', ...paths], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      child.stdout.once('close', () => child.kill());
      return child.stdout;
    },
    upload: async (tar, { directory }) => {
      const into = inWorkspace(directory);
      await mkdir(into, { recursive: true });
      const child = spawn('tar', ['-C', into, '-xf', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
      await Promise.all([pipeline(tar, child.stdin), once(child, 'close')]);
    },
    connect: async (port, { signal }): Promise<Duplex> => {
      const socket = connect({ host: '127.0.0.1', port });
      await once(socket, 'connect', { signal });
      return socket;
    },
  };
}

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk as string;
  return text;
}
