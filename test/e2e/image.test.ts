import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pack as packFolder } from 'tar-fs';
import * as z from 'zod';
import { openBuildContext } from '../../src/adapters/build-context/open-build-context.ts';
import { dockerBuilder } from '../../src/adapters/docker/docker-builder.ts';
import { distributionRegistry } from '../../src/adapters/oci/distribution-registry.ts';
import { layersBuilder } from '../../src/adapters/oci/layers/layers-builder.ts';
import { openHttpClients } from '../../src/adapters/http/open-http-client.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import type { Agent } from '../../src/ports/agent.ts';
import type { StageContext } from '../../src/ports/stage.ts';
import { imageStage } from '../../src/stages/image/image-stage.ts';
import { docker, findRealDocker } from '../fakes/real-docker.ts';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { scratchNamespace, soon, testImage, type ScratchNamespace } from '../support/scratch-namespace.ts';
import { waitFor } from '../support/wait-for.ts';

const openHttp = openHttpClients(systemClock, process.env);

jest.setTimeout(400_000);

const environment = e2eEnvironment();
const { registry: host, registryUser: username, registryPassword: password } = environment;
const onSandbox = environment.cluster === 'sandbox';
const real = findRealDocker();
/** A service that speaks for the engine of the node: the part of a Docker-in-Docker sidecar that is tested here. */
const engineImage = process.env['SLIPWAY_TEST_NODE_IMAGE'] ?? 'node:24-bookworm-slim';
const engineSocket = '/var/run/docker.sock';
const noEngine = 'missing' in real ? real.missing : undefined;
if (noEngine !== undefined) console.log(`skipped, builds with Docker: ${noEngine}`);
if (onSandbox) console.log('skipped, an engine beside the steps: pods of the sandbox have none');
const withDocker = noEngine === undefined ? it : it.skip;
const withSidecar = noEngine === undefined && !onSandbox ? it : it.skip;

const id = `slipway-test-${randomUUID().slice(0, 8)}`;
/** In the sandbox, this machine stands for the base image. */
const base = onSandbox ? 'busybox:local' : `${host}/${id}/base:1`;
const script = '#!/bin/sh\necho "$WORD from $(cat data/deep/file) in $(pwd)"\n';

describe('an image made from the workspace of an agent pod', () => {
  let scratch: ScratchNamespace;
  let folder: string;

  beforeAll(async () => {
    scratch = await scratchNamespace(environment.kubeconfig, 'image');
    folder = await mkdtemp(join(tmpdir(), 'image-e2e-'));
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    const config = JSON.stringify({ auths: { [host]: { auth } } });
    await writeFile(join(folder, 'config.json'), config);
    if (!onSandbox) {
      docker('tag', testImage, base);
      expect(docker('--config', folder, 'push', base)).toMatchObject({ status: 0 });
      docker('rmi', base);
    }
    await scratch.kubernetes.cluster.create(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'login', namespace: scratch.namespace },
        type: 'kubernetes.io/dockerconfigjson',
        data: { '.dockerconfigjson': Buffer.from(config).toString('base64') },
      },
      soon(),
    );
  });

  afterAll(async () => {
    await scratch.remove();
    await rm(folder, { recursive: true });
    const cache = docker('images', '--format', '{{.Repository}}:{{.Tag}}').stdout.split('\n');
    const ours = cache.filter((name) => name.startsWith('slipway-cache/') && name.includes(id));
    if (ours.length > 0) docker('rmi', ...ours);
  });

  /** An agent with a project in its workspace. */
  const agentWith = async (dockerfile: string, more: Parameters<ScratchNamespace['agentSpec']>[0] = {}) => {
    const project = join(folder, randomUUID());
    await mkdir(join(project, 'data/deep'), { recursive: true });
    await mkdir(join(project, 'node_modules'), { recursive: true });
    await writeFile(join(project, 'Dockerfile'), dockerfile);
    await writeFile(join(project, '.dockerignore'), 'node_modules\n');
    await writeFile(join(project, 'node_modules/x'), 'x');
    await writeFile(join(project, 'data/deep/file'), 'the workspace');
    await writeFile(join(project, 'run.sh'), script, { mode: 0o755 });
    const spec = scratch.agentSpec(more);
    const agent = await scratch.kubernetes.agents.acquire(spec, soon());
    await agent.ready(soon());
    await agent.upload(() => Readable.from(packFolder(project), { objectMode: false }), {
      ...soon(),
      directory: `${agent.workspace}/web`,
    });
    return agent;
  };

  const runStage = async (agent: Agent, image: Record<string, unknown>) => {
    const signal = AbortSignal.timeout(120_000);
    // The sandbox's registry stands for all of them, as containerd's mirrors do.
    const resolveHost = () =>
      onSandbox ? { url: `http://${host}`, credentials: { username, password } } : undefined;
    const registry = distributionRegistry({ clock: systemClock, openHttp, resolveHost });
    const shared = { openContext: openBuildContext, registry, clock: systemClock, openHttp, resolveHost };
    const stage = imageStage({
      builders: {
        docker: (address) => dockerBuilder({ ...shared, address, environment: process.env }),
        layers: () => layersBuilder({ ...shared, missingBase: onSandbox ? 'empty' : 'fail' }),
      },
    });
    const lines: string[] = [];
    const context: StageContext = {
      run: { id: 'run', pipeline: 'web', namespace: scratch.namespace },
      stage: { name: 'image', attempt: 1 },
      ownership: { fence: 1, confirm: () => Promise.resolve() },
      agent: () => Promise.resolve(agent),
      container: 'main',
      env: {},
      workingDirectory: agent.workspace,
      secrets: {
        read: () =>
          Promise.resolve(
            new Map([
              ['username', Buffer.from(username)],
              ['password', Buffer.from(password)],
            ]),
          ),
      },
      outputs: {},
      emit: async (event) => {
        if (event.type === 'image.progress' || event.type === 'notice') lines.push(event.message);
      },
      clock: systemClock,
      signal,
      offsets: {},
      saveOffset: () => undefined,
    };
    const input = z.strictObject({ ...stage.definition.fields }).parse({ image });
    const result = await stage.run(input as never, context);
    await registry.close();
    return { result, lines };
  };

  /** Runs the image by its digest, as a release does, and gives what it says. */
  const runPod = async (reference: string) => {
    const { cluster, pods } = scratch.kubernetes;
    const name = `run-${randomUUID().slice(0, 8)}`;
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: scratch.namespace },
      spec: {
        restartPolicy: 'Never',
        imagePullSecrets: [{ name: 'login' }],
        containers: [{ name: 'web', image: reference }],
      },
    };
    await cluster.create(pod, soon());
    const ended = await waitFor(`pod ${name}`, async () => {
      const found = await cluster.get(
        { apiVersion: 'v1', kind: 'Pod', name, namespace: scratch.namespace },
        soon(),
      );
      const status = found as unknown as { status?: { phase?: string } } | undefined;
      return ['Succeeded', 'Failed'].includes(status?.status?.phase ?? '') ? status?.status : undefined;
    });
    const container = { namespace: scratch.namespace, pod: name, container: 'web' };
    return { phase: ended.phase, output: await text(await pods.logs(container, soon())) };
  };

  const dockerfile = (from: string, more = '') =>
    `FROM ${from}\n${more}ARG WORD\nENV WORD="\${WORD} and more"\nWORKDIR /srv/app\nCOPY . ./\nCMD ["/bin/sh", "/srv/app/run.sh"]\n`;
  const said = { phase: 'Succeeded', output: 'words and more from the workspace in /srv/app\n' };

  it('runs in the cluster when layers made it', async () => {
    const agent = await agentWith(dockerfile(base));
    const image = {
      repository: `${host}/${id}/layers`,
      tags: ['1', 'latest'],
      context: 'web',
      args: { WORD: 'words' },
      credentials: 'registry',
      builder: 'layers',
    };

    const { result } = await runStage(agent, image);
    const again = await runStage(agent, image);

    expect(result).toMatchObject({
      outcome: 'succeeded',
      outputs: { repository: image.repository, tag: '1' },
    });
    expect(again.result.outputs['digest']).toBe(result.outputs['digest']);
    expect(await runPod(result.outputs['reference'] ?? '')).toEqual(said);
  });

  withDocker('runs in the cluster when Docker made it, and the builder is found by itself', async () => {
    const agent = await agentWith(dockerfile(testImage, 'RUN true\n'));

    const { result, lines } = await runStage(agent, {
      repository: `${host}/${id}/docker`,
      context: 'web',
      args: { WORD: 'words' },
      credentials: 'registry',
    });

    expect(lines[0]).toContain('a Docker Engine answers');
    expect(result.outcome).toBe('succeeded');
    expect(await runPod(result.outputs['reference'] ?? '')).toEqual(said);
  });

  withSidecar('is made by an engine beside the steps, through a port of the pod', async () => {
    const forward = `require('net').createServer((c) => { const e = require('net').connect('${engineSocket}'); c.pipe(e).pipe(c); c.on('error', () => e.destroy()); e.on('error', () => c.destroy()); }).listen(2375, '127.0.0.1')`;
    const agent = await agentWith(dockerfile(testImage, 'RUN true\n'), {
      services: [
        {
          name: 'engine',
          image: engineImage,
          env: {},
          command: ['node', '-e', forward],
          imagePullPolicy: 'IfNotPresent',
          ready: {
            exec: ['node', '-e', "require('net').connect(2375).on('connect', () => process.exit(0))"],
          },
        },
      ],
      podTemplate: {
        spec: {
          containers: [
            {
              name: 'engine',
              securityContext: { runAsUser: 0, runAsNonRoot: false },
              volumeMounts: [{ name: 'engine', mountPath: engineSocket }],
            },
          ],
          volumes: [{ name: 'engine', hostPath: { path: engineSocket, type: 'Socket' } }],
        },
      },
    });

    const { result } = await runStage(agent, {
      repository: `${host}/${id}/sidecar`,
      context: 'web',
      args: { WORD: 'words' },
      credentials: 'registry',
      docker: { sidecar: 'engine', port: 2375 },
    });

    expect(result).toMatchObject({ outcome: 'succeeded' });
    expect(await runPod(result.outputs['reference'] ?? '')).toEqual(said);
  });

  it('fails with the line when the Dockerfile needs what layers cannot do', async () => {
    const agent = await agentWith(`FROM ${base}\nRUN make\n`);

    const { result } = await runStage(agent, {
      repository: `${host}/${id}/none`,
      context: 'web',
      builder: 'layers',
    });

    expect(result).toMatchObject({
      outcome: 'failed',
      message: 'Dockerfile line 2: RUN: the layers builder runs no commands',
    });
  });
});
