import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { docker, findRealDocker } from '../../fakes/real-docker.ts';
import { makeCommandBench, type CommandBench } from '../../support/command-bench.ts';
import { startFailingRegistry, type FailingRegistry } from '../../support/failing-registry.ts';
import { expectExit, type PipelineResult } from '../../support/pipeline-command.ts';

jest.setTimeout(400_000);

const real = findRealDocker();
if ('missing' in real) console.log(`skipped, pushes of a Docker Engine: ${real.missing}`);
const withDocker = 'missing' in real ? it.skip : it; // an engine on this machine, which reaches its loopback registries
const wrongPassword = 'not-the-password-of-anybody';
const id = `slipway-test-${randomUUID().slice(0, 8)}`;
let bench: CommandBench;
let registry: FailingRegistry;

beforeAll(async () => {
  bench = await makeCommandBench('registry');
});
beforeEach(async () => {
  registry = await startFailingRegistry(bench.environment.registry);
});
afterEach(async () => {
  await registry.close();
  await bench.expectNothingLeft();
});
afterAll(async () => {
  await bench.remove();
  const names = docker('images', '--format', '{{.Repository}}:{{.Tag}}').stdout.split('\n');
  const ours = names.filter((name) => name.includes(id));
  if (ours.length > 0) docker('rmi', ...ours);
});

/** Builds and pushes a small image. The cluster is named by its kubeconfig, so that the registry is what its name says. */
function push(builder: 'docker' | 'layers', password?: string, retry?: object): Promise<PipelineResult> {
  const { registryUser, registryPassword } = bench.environment;
  const dockerfile = 'printf "FROM scratch\\nCOPY file /file\\n" > Dockerfile; date > file';
  const repository = `${registry.host}/${id}/${builder}`;
  return bench.run(
    [
      { name: 'context', run: dockerfile },
      { name: 'image', image: { repository, builder, credentials: 'registry' }, ...(retry && { retry }) },
    ],
    {
      document: { secrets: { registry: { env: 'LOGIN' } } },
      env: { LOGIN: `${registryUser}:${password ?? registryPassword}` },
      kubeconfig: bench.namespaces.kubeconfig,
    },
  );
}

/** Fails the first two of the requests that `isMeant` is true of. */
function failTwice(isMeant: (request: { method: string; url: string }) => boolean): void {
  let left = 2;
  registry.fails = (request) => isMeant(request) && left-- > 0;
}

const writesManifest = ({ method, url }: { method: string; url: string }) =>
  method === 'PUT' && url.includes('/manifests/');

/** The run pushed its image after all, and its log says twice that it had to try again, and why. */
function expectPushed(result: PipelineResult): void {
  expectExit(result, 0);
  expect(registry.failed()).toBe(2);
  const again = result.stdout.split('\n').filter((line) => line.includes('trying again in'));
  expect(again).toHaveLength(2);
  for (const line of again)
    expect(line).toMatch(/^\[image\] cannot .*(500|made to fail).*trying again in \d+ ms$/);
  expect(result.stdout).toMatch(/\[image\] pushed \S+@sha256:[0-9a-f]{64}\n/);
}

describe('a registry that answers 500 twice and then works', () => {
  it('has the image of the layers builder after all, and the log says why it took longer', async () => {
    failTwice(writesManifest);

    expectPushed(await push('layers'));
  });

  it('has the layers of the layers builder after all, when it was their upload that failed', async () => {
    failTwice(({ method, url }) => method === 'PUT' && url.includes('/blobs/uploads/'));

    expectPushed(await push('layers'));
  });

  withDocker(
    'has the image of the docker builder after all, and the log says why it took longer',
    async () => {
      failTwice(writesManifest);

      expectPushed(await push('docker'));
    },
  );
});

describe('a registry that keeps its tags as they are', () => {
  it('is asked once, though the stage may be tried again, and ends the run with exit code 1', async () => {
    registry.status = 412;
    registry.fails = writesManifest;

    const result = await push('layers', undefined, { max: 2, backoff: '1s' });

    expectExit(result, 1);
    expect(registry.failed()).toBe(1);
    expect(result.stdout).toMatch(/cannot push .*412/);
    expect(result.stdout).toContain('hint: the registry keeps this tag as it is: push another tag\n');
  });
});

describe('a wrong password of the registry', () => {
  const expectRefused = (result: PipelineResult) => {
    expectExit(result, 1);
    const told = result.stdout.split('\n').filter((line) => line.startsWith('slipway: image: '));
    expect(told).toEqual([expect.stringMatching(/cannot push .*(401|unauthorized|authentication)/i)]);
    expect(result.stdout).toContain('hint: check the secret that image.credentials names\n');
    const written = result.stdout + result.stderr;
    expect(written).not.toContain(wrongPassword);
    expect(written).not.toContain(Buffer.from(wrongPassword).toString('base64').slice(0, 20));
  };

  it('ends a run that pushes with the layers builder with exit code 1 and one line', async () => {
    expectRefused(await push('layers', wrongPassword));
  });

  withDocker('ends a run that pushes with the docker builder with exit code 1 and one line', async () => {
    expectRefused(await push('docker', wrongPassword));
  });
});
