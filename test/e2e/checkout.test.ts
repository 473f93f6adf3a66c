import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';

import { runCommand } from '../../scripts/run-command.ts';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { makeExampleRepository, type ExampleRepository } from '../support/example-repository.ts';
import {
  startHttpGitServer,
  startSshGitServer,
  type HttpGitServer,
  type SshGitServer,
} from '../support/git-server.ts';
import { expectExit, runPipeline, type PipelineResult } from '../support/pipeline-command.ts';
import { clusterArguments } from '../support/runner.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { addressForPods } from '../support/this-machine.ts';

const minute = 60_000;

describe('a checkout', () => {
  const environment = e2eEnvironment();
  let namespaces: RunnerNamespaces;
  let repository: ExampleRepository;
  let http: HttpGitServer;
  let https: HttpGitServer;
  let ssh: SshGitServer;
  const commits: Record<string, string> = {};

  beforeAll(async () => {
    namespaces = await makeRunnerNamespaces(environment, 'checkout');
    repository = await makeExampleRepository('quickstart');
    const { directory } = repository;
    commits['v2'] = await repository.commit('v2', [{ file: 'package.json', from: '1.0.0', to: '2.0.0' }]);
    // What a pull request looks like on a server: a commit that no branch and no tag has.
    const git = (...args: string[]) => runCommand(['git', '-C', directory, ...args]);
    await git('checkout', '--quiet', '-b', 'proposal');
    commits['proposal'] = await repository.commit('v3', [
      { file: 'package.json', from: '2.0.0', to: '3.0.0' },
    ]);
    await git('update-ref', 'refs/pull/7/head', 'HEAD');
    await git('checkout', '--quiet', 'main');
    await git('branch', '--quiet', '-D', 'proposal');
    await git('tag', '--delete', 'v3');
    const host = await addressForPods(environment, namespaces.admin);
    http = await startHttpGitServer({ directory, host });
    https = await startHttpGitServer({ directory, host, tls: true });
    ssh = await startSshGitServer({ directory, host });
    await addSecret('http', { username: http.username, password: http.password });
    await addSecret('https', { username: https.username, password: https.password });
    await addSecret('wrong', { username: http.username, password: 'not-the-password' });
    await addSecret('ssh', { 'ssh-privatekey': ssh.privateKey, known_hosts: ssh.knownHosts });
    const otherKey = ssh.knownHosts.replace(/.{8}\n$/, 'AAAAAAAA\n');
    await addSecret('impostor', { 'ssh-privatekey': ssh.privateKey, known_hosts: otherKey });
  }, 2 * minute);

  afterAll(async () => {
    await Promise.all([http.close(), https.close(), ssh.close()]);
    await repository.remove();
    await namespaces.remove();
  }, minute);

  async function addSecret(name: string, stringData: Record<string, string>): Promise<void> {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData };
    const args = ['apply', '--namespace', namespaces.agents, '--filename', '-'];
    await namespaces.admin.run(args, JSON.stringify(secret));
  }

  interface Asked {
    url?: string;
    ref?: string;
    depth?: number;
    credentials?: string;
  }

  /** Runs a pipeline that checks out and then shows what is there. */
  async function run(checkout: Asked, more: { certificate?: string } = {}): Promise<PipelineResult> {
    const { certificate } = more;
    const trust = {
      name: 'trust',
      env: { CERTIFICATE: certificate ?? '' },
      run: 'printf "%s" "$CERTIFICATE" > "/tmp/$SLIPWAY_RUN.pem"',
    };
    const pipeline = {
      apiVersion: 'slipway.dev/v1',
      kind: 'Pipeline',
      name: 'checkout',
      ...(checkout.credentials === undefined
        ? {}
        : { secrets: { login: { kubernetes: { name: checkout.credentials } } } }),
      stages: [
        ...(certificate === undefined ? [] : [trust]),
        {
          name: 'source',
          checkout: { ...checkout, ...(checkout.credentials === undefined ? {} : { credentials: 'login' }) },
          ...(certificate === undefined ? {} : { env: { GIT_SSL_CAINFO: '/tmp/${{ run.id }}.pem' } }),
        },
        {
          name: 'look',
          env: {
            SHA: '${{ stages.source.outputs.sha }}',
            BRANCH: '${{ stages.source.outputs.branch }}',
            TAG: '${{ stages.source.outputs.tag }}',
            MESSAGE: '${{ stages.source.outputs.message }}',
          },
          run: [
            'echo "version $(sed -n \'s/.*"version": "\\(.*\\)".*/\\1/p\' package.json)"',
            'echo "outputs $SHA [$BRANCH] [$TAG] [$MESSAGE]"',
            'echo "head $(git rev-parse HEAD), $(git rev-list --count HEAD) commits"',
            'cat .git/config',
          ].join('\n'),
        },
      ],
    };
    const file = join(repository.directory, '..', `checkout-${process.pid}.yaml`);
    const inside = join(repository.directory, 'checkout-test.yaml');
    const path = checkout.url === undefined ? inside : file;
    await writeFile(path, stringify(pipeline));
    return runPipeline(['run', path, ...clusterArguments(environment, namespaces)], {
      env: { KUBECONFIG: namespaces.kubeconfig },
      timeoutMs: 4 * minute,
    });
  }

  it(
    'fetches a branch over HTTP with a password that stands in no output and no .git/config',
    async () => {
      const result = await run({ url: http.url, ref: 'main', credentials: 'http' });

      expectExit(result, 0);
      expect(result.stdout).toContain(`outputs ${commits['v2']} [main]`);
      expect(result.stdout).toContain('version 2.0.0');
      expect(result.stdout).toContain(`url = ${http.url}\n`);
      expect(result.stdout + result.stderr).not.toContain(http.password);
    },
    2 * minute,
  );

  it(
    'fetches one commit unless it is asked for more',
    async () => {
      const shallow = await run({ url: http.url, ref: 'main', credentials: 'http' });
      const whole = await run({ url: http.url, ref: 'main', credentials: 'http', depth: 0 });

      expect(shallow.stdout).toContain(`head ${commits['v2']}, 1 commits`);
      expect(whole.stdout).toContain(`head ${commits['v2']}, 2 commits`);
    },
    3 * minute,
  );

  it(
    'fetches a tag, a commit by its id, and a pull request',
    async () => {
      const tag = await run({ url: http.url, ref: 'v1', credentials: 'http' });
      const commit = await run({ url: http.url, ref: commits['v2']!, credentials: 'http' });
      const pull = await run({ url: http.url, ref: 'refs/pull/7/head', credentials: 'http' });

      expect(tag.stdout).toMatch(/version 1\.0\.0\n(.*\n)?.*outputs \w+ \[\] \[v1\] \[v1\]/);
      expect(commit.stdout).toContain(`outputs ${commits['v2']}`);
      expect(pull.stdout).toContain(`outputs ${commits['proposal']}`);
      expect(pull.stdout).toContain('version 3.0.0');
    },
    4 * minute,
  );

  it(
    'fetches over HTTPS from a server whose certificate the pipeline brings',
    async () => {
      const result = await run(
        { url: https.url, ref: 'main', credentials: 'https' },
        { certificate: https.certificate! },
      );

      expectExit(result, 0);
      expect(result.stdout).toContain(`outputs ${commits['v2']} [main]`);
    },
    2 * minute,
  );

  it(
    'fetches over SSH with a key, from the host that known_hosts names',
    async () => {
      const result = await run({ url: ssh.url, ref: 'main', credentials: 'ssh' });

      expectExit(result, 0);
      expect(result.stdout).toContain(`outputs ${commits['v2']} [main]`);
      expect(result.stdout + result.stderr).not.toContain('PRIVATE KEY');
    },
    2 * minute,
  );

  it(
    'takes the working copy that the file lies in when there is no url',
    async () => {
      const result = await run({});

      expectExit(result, 0);
      expect(result.stdout).toContain(`outputs ${commits['v2']} [main]`);
    },
    2 * minute,
  );

  it(
    'lets the stages work in the folder of the file when that lies deeper in the working copy',
    async () => {
      const folder = join(repository.directory, 'deeper', 'down');
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'here.txt'), 'found\n');
      await runCommand(['git', '-C', repository.directory, 'add', 'deeper']);
      await runCommand(['git', '-C', repository.directory, 'commit', '--quiet', '--message', 'deeper']);
      const stages = [
        { name: 'source', checkout: {} },
        { name: 'look', run: 'cat here.txt; echo "top $(git rev-parse --show-cdup)"' },
      ];
      const file = join(folder, 'app.yaml');
      const head = { apiVersion: 'slipway.dev/v1', kind: 'Pipeline', name: 'deeper' };
      await writeFile(file, stringify({ ...head, stages }));

      const result = await runPipeline(['run', file, ...clusterArguments(environment, namespaces)], {
        env: { KUBECONFIG: namespaces.kubeconfig },
        timeoutMs: 4 * minute,
      });

      expectExit(result, 0);
      expect(result.stdout).toContain('[look] found');
      expect(result.stdout).toContain('[look] top ../../');
    },
    2 * minute,
  );

  it.each([
    ['a wrong password', () => ({ url: http.url, credentials: 'wrong' }), /Authentication failed/],
    [
      'a host key that is not the known one',
      () => ({ url: ssh.url, credentials: 'impostor' }),
      /Host key verification failed/,
    ],
    [
      'a ref that is not there',
      () => ({ url: http.url, ref: 'no-such-branch', credentials: 'http' }),
      /no-such-branch/,
    ],
  ])(
    'fails with its reason at %s',
    async (_what, asked, reason) => {
      const result = await run(asked());

      expectExit(result, 1);
      expect(result.stdout + result.stderr).toMatch(reason);
    },
    2 * minute,
  );
});
