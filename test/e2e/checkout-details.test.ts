import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { stringify } from 'yaml';

import { runCommand } from '../../scripts/run-command.ts';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { makeExampleRepository, type ExampleRepository } from '../support/example-repository.ts';
import { startHttpGitServer, type HttpGitServer } from '../support/git-server.ts';
import { expectExit, runPipeline, type PipelineResult } from '../support/pipeline-command.ts';
import type { StageText } from '../support/pipeline-folder.ts';
import { clusterArguments } from '../support/runner.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { addressForPods } from '../support/this-machine.ts';

jest.setTimeout(400_000);

const environment = e2eEnvironment();
let namespaces: RunnerNamespaces;
let repository: ExampleRepository;
let library: ExampleRepository;
let server: HttpGitServer;
let libraryServer: HttpGitServer;
let slow: Forwarder;

beforeAll(async () => {
  namespaces = await makeRunnerNamespaces(environment, 'details');
  const host = await addressForPods(environment, namespaces.admin);
  library = await makeExampleRepository('static-site');
  libraryServer = await startHttpGitServer({ directory: library.directory, host });
  repository = await makeExampleRepository('quickstart');
  server = await startHttpGitServer({ directory: repository.directory, host });
  slow = await startForwarder(server, { delayMs: 1500 });
});
afterAll(async () => {
  slow.close();
  await server.close();
  await libraryServer.close();
  await repository.remove();
  await library.remove();
  await namespaces.remove();
});

interface Forwarder {
  url: string;
  close: () => void;
}

/** Passes requests on to a Git server, after a while, or with its login so that callers need none. */
async function startForwarder(
  behind: HttpGitServer,
  { delayMs = 0, login = false }: { delayMs?: number; login?: boolean },
): Promise<Forwarder> {
  const { hostname, port } = new URL(behind.url);
  const words = Buffer.from(`${behind.username}:${behind.password}`).toString('base64');
  const proxy = createServer((request, response) => {
    void sleep(delayMs).then(() => {
      const { method, url } = request;
      const headers = { ...request.headers, ...(login ? { authorization: `Basic ${words}` } : {}) };
      const onward = httpRequest({ host: '127.0.0.1', port, method, headers, path: url }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '0.0.0.0', resolve));
  return {
    url: `http://${hostname}:${String((proxy.address() as AddressInfo).port)}/repository.git`,
    close: () => {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}

async function run(
  stages: readonly StageText[],
  more: Record<string, unknown> = {},
): Promise<PipelineResult> {
  const file = join(repository.directory, 'details.yaml');
  const head = { apiVersion: 'slipway.dev/v1', kind: 'Pipeline', name: 'details' };
  await writeFile(file, stringify({ ...head, secrets: { login: { env: 'LOGIN' } }, stages, ...more }));
  return runPipeline(['run', file, ...clusterArguments(environment, namespaces)], {
    env: { KUBECONFIG: namespaces.kubeconfig, LOGIN: server.password },
    timeoutMs: 240_000,
  });
}

describe('a checkout', () => {
  it('shows its password to no other process of the pod while it runs', async () => {
    const { admin, agents } = namespaces;
    await admin.run([
      ...['create', 'secret', 'generic', 'git', '--namespace', agents],
      ...[`--from-literal=username=${server.username}`, `--from-literal=password=${server.password}`],
    ]);

    const result = await run(
      [
        { name: 'source', checkout: { url: slow.url, ref: 'main', credentials: 'git' } },
        {
          name: 'watch',
          needs: [],
          env: { WANTED: { secret: 'login', key: 'value' } },
          // What the shell itself does shows in no list of processes.
          run: [
            'seen=0 found=0 i=0',
            'while [ $i -lt 60 ]; do',
            '  i=$((i + 1))',
            '  for file in /proc/[0-9]*/cmdline; do',
            '    { words=$(tr "\\0" " " < "$file"); } 2>/dev/null || continue',
            '    case $words in *"git fetch"*|*git-remote-http*) seen=1 ;; esac',
            '    case $words in *"$WANTED"*) found=1; echo "found in an argument" ;; esac',
            '  done',
            '  sleep 0.1',
            'done',
            'echo "git seen: $seen, password found: $found"',
          ].join('\n'),
        },
        {
          name: 'look',
          needs: ['source', 'watch'],
          env: { WANTED: { secret: 'login', key: 'value' } },
          run: 'grep -r "$WANTED" .git && echo "found in a file"; ls /tmp; true',
        },
      ],
      { secrets: { git: { kubernetes: { name: 'git' } }, login: { env: 'LOGIN' } } },
    );

    expectExit(result, 0);
    expect(result.stdout).toContain('[watch] git seen: 1, password found: 0\n');
    expect(result.stdout).not.toContain('found in');
    expect(result.stdout).not.toMatch(/\[look\] checkout\./);
    expect(result.stdout + result.stderr).not.toContain(server.password);
  });

  it('says what of the working copy is not committed, and leaves it out', async () => {
    await writeFile(join(repository.directory, 'new-file.txt'), 'not committed\n');

    const result = await run([
      { name: 'source', checkout: {} },
      { name: 'look', run: 'ls; test ! -e new-file.txt && echo "left out"' },
    ]);

    expectExit(result, 0);
    expect(result.stdout).toMatch(/\[source\] .*without \d+ uncommitted files? of .*: commit (?:it|them)/);
    expect(result.stdout).toContain('[look] left out\n');
  });

  it('brings submodules where it is asked to', async () => {
    const { directory } = repository;
    const git = (...args: string[]) => runCommand(['git', '-C', directory, ...args]);
    // The library lies open here: its own password is none that this checkout has.
    const open = await startForwarder(libraryServer, { login: true });
    try {
      const [commit = ''] = (
        await runCommand(['git', '-C', library.directory, 'rev-parse', 'HEAD'])
      ).stdout.split('\n');
      await writeFile(
        join(directory, '.gitmodules'),
        `[submodule "library"]\n\tpath = library\n\turl = ${open.url}\n`,
      );
      await git('add', '.gitmodules');
      await git('update-index', '--add', '--cacheinfo', `160000,${commit},library`);
      await git('commit', '--quiet', '--message', 'Take the library in');

      const asked = { url: server.url, ref: 'main', credentials: 'git' };
      const look = {
        name: 'look',
        run: 'if [ -e library/VERSION ]; then echo "library is there"; else echo "no library"; fi',
      };
      const secrets = { git: { kubernetes: { name: 'git' } }, login: { env: 'LOGIN' } };
      const without = await run([{ name: 'source', checkout: asked }, look], { secrets });
      const withThem = await run([{ name: 'source', checkout: { ...asked, submodules: true } }, look], {
        secrets,
      });

      expectExit(without, 0);
      expect(without.stdout).toContain('[look] no library\n');
      expectExit(withThem, 0);
      expect(withThem.stdout).toContain('[look] library is there\n');
    } finally {
      open.close();
    }
  });
});
