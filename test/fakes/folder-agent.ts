import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { isAbsolute, join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Agent } from '../../src/ports/agent.ts';

/** What a {@link folderAgent} was asked, for tests that look at it. */
export interface FolderAgentCalls {
  downloads: { paths: readonly string[]; directory: string; excludes: readonly string[] }[];
}

/**
 * Stands for the files of an agent in tests of what reads and writes them (checkout, image, deploy): its workspace is a
 * folder of this machine, its pod this machine. It claims queries, downloads and uploads of the contract, which
 * test/contract/agents-fakes.test.ts holds it to; not steps, nor transfers that begin again.
 */
export function folderAgent(workspace: string): Agent & { calls: FolderAgentCalls } {
  const calls: FolderAgentCalls = { downloads: [] };
  const inWorkspace = (path: string | undefined) =>
    path === undefined ? workspace : isAbsolute(path) ? path : join(workspace, path);
  return {
    calls,
    namespace: 'test',
    pod: 'folder',
    id: 'folder',
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
    download: async (paths, receive, { directory, excludes = [] }) => {
      const from = inWorkspace(directory);
      calls.downloads.push({ paths, directory: from, excludes });
      const leftOut = excludes.map((path) => `--exclude=./${path}`);
      const child = spawn('tar', ['-C', from, '--anchored', ...leftOut, '-cf', '-', '--', ...paths], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const ended = endOf(child);
      child.stdout.once('close', () => {
        if (!child.stdout.readableEnded) child.kill();
      });
      try {
        const received = await receive(child.stdout);
        // One who has seen enough stops tar: that is no failure.
        const { exitCode, stderr } = child.stdout.readableEnded ? await ended : { exitCode: 0, stderr: '' };
        if (exitCode !== 0) throw new Error(`cannot read from ${from}: ${stderr}`);
        return received;
      } finally {
        child.stdout.destroy();
        await ended;
      }
    },
    upload: async (open, { directory }) => {
      const into = inWorkspace(directory);
      await rm(into, { recursive: true, force: true });
      await mkdir(into, { recursive: true });
      const child = spawn('tar', ['-C', into, '-xf', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
      const ended = endOf(child);
      try {
        const failure = await pipeline(open(), child.stdin).catch((error: unknown) => error as Error);
        const { exitCode, stderr } = await ended;
        if (exitCode !== 0 && stderr !== '') throw new Error(`cannot write to ${into}: ${stderr}`);
        if (failure !== undefined) throw failure;
      } catch (error) {
        await rm(into, { recursive: true, force: true });
        throw error;
      }
    },
    connect: async (port, { signal }): Promise<Duplex> => {
      const socket = connect({ host: '127.0.0.1', port });
      await once(socket, 'connect', { signal });
      return socket;
    },
  };
}

/** How a program ended. */
async function endOf(
  child: ChildProcess & { stderr: Readable },
): Promise<{ exitCode: unknown; stderr: string }> {
  const [stderr, closed] = await Promise.all([textOf(child.stderr), once(child, 'close')]);
  return { exitCode: (closed as unknown[])[0], stderr: stderr.trim() };
}

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk as string;
  return text;
}
