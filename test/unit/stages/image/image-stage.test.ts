import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { AgentError } from '../../../../src/ports/agent.ts';
import {
  BuildError,
  type Builder,
  type Builders,
  type BuildRequest,
  type EngineAddress,
} from '../../../../src/ports/builder.ts';
import type { RunEvent } from '../../../../src/ports/events.ts';
import type { StageContext } from '../../../../src/ports/stage.ts';
import { checkSchema } from '../../../../src/spec/schema-findings.ts';
import { imageDefinition } from '../../../../src/stages/image/definition.ts';
import { imageStage } from '../../../../src/stages/image/image-stage.ts';
import { folderAgent } from '../../../fakes/folder-agent.ts';

const digest = `sha256:${'a'.repeat(64)}`;

/** A builder that notes what it was asked. */
class NotingBuilders implements Builders {
  readonly asked: { builder: string; request: BuildRequest }[] = [];
  readonly addresses: EngineAddress[] = [];
  dockerUnavailable: string | undefined;
  failure: Error | undefined;

  docker(address: EngineAddress): Builder {
    this.addresses.push(address);
    return this.#builder('docker', this.dockerUnavailable);
  }

  layers(): Builder {
    return this.#builder('layers', undefined);
  }

  #builder(name: 'docker' | 'layers', why: string | undefined): Builder {
    return {
      name,
      unavailable: () => Promise.resolve(why),
      buildAndPush: async (request, { onProgress }) => {
        this.asked.push({ builder: name, request });
        await onProgress('a step');
        if (this.failure !== undefined) throw this.failure;
        return { repository: request.repository, tags: request.tags, digest, bytes: 7 };
      },
    };
  }
}

const secrets: Record<string, Record<string, string>> = {
  harbor: { username: 'robot$shop', password: 'pw' },
  engine: { 'ca.pem': 'CA', 'cert.pem': 'CERT', 'key.pem': 'KEY' },
};

const setUp = () => {
  const events: RunEvent[] = [];
  const builders = new NotingBuilders();
  const context: StageContext = {
    run: { id: 'r', pipeline: 'p', namespace: 'n' },
    stage: { name: 'image', attempt: 1 },
    ownership: { fence: 1, confirm: () => Promise.resolve() },
    agent: () => Promise.resolve(folderAgent('/workspace')),
    container: 'node',
    env: {},
    workingDirectory: '/workspace/web',
    secrets: {
      read: (name) =>
        Promise.resolve(
          new Map(Object.entries(secrets[name] ?? {}).map(([key, value]) => [key, Buffer.from(value)])),
        ),
    },
    outputs: {},
    emit: async (event) => void events.push(event),
    clock: { now: () => Date.UTC(2026, 0, 2), monotonicMs: () => 0, sleep: () => Promise.resolve() },
    signal: new AbortController().signal,
    offsets: {},
    saveOffset: () => undefined,
  };
  const stage = imageStage({ builders });
  const run = (image: Record<string, unknown>, more: Partial<StageContext> = {}) => {
    const input = z
      .strictObject({ ...stage.definition.fields })
      .parse({ image: { repository: 'harbor.example.com/shop/web', ...image } });
    return stage.run(input as never, { ...context, ...more });
  };
  return { events, builders, run };
};

describe('the image stage', () => {
  it('builds from the context below the working folder and pins the digest', async () => {
    const { run, builders, events } = setUp();

    const result = await run({
      tags: ['1.2', 'latest'],
      context: 'app',
      args: { PORT: 80, DEBUG: false },
      credentials: 'harbor',
    });

    expect(builders.asked[0]?.request).toMatchObject({
      container: 'node',
      contextDirectory: '/workspace/web/app',
      dockerfile: 'Dockerfile',
      repository: 'harbor.example.com/shop/web',
      tags: ['1.2', 'latest'],
      buildArguments: { PORT: '80', DEBUG: 'false' },
      credentials: { username: 'robot$shop', password: 'pw' },
    });
    expect(result).toEqual({
      outcome: 'succeeded',
      outputs: {
        digest,
        reference: `harbor.example.com/shop/web@${digest}`,
        repository: 'harbor.example.com/shop/web',
        tag: '1.2',
      },
      environment: {},
    });
    expect(events.map((event) => event.type)).toEqual(['notice', 'image.progress', 'image.pushed']);
  });

  it('labels the image with the commit of the checkout, and lets the file have the last word', async () => {
    const { run, builders } = setUp();
    const outputs = {
      source: { sha: 'abc', tag: '', url: 'https://user:pw@git.example.com/shop.git' },
      other: { x: '1' },
    };

    await run({ labels: { 'org.opencontainers.image.revision': 'mine', team: 'shop' } }, { outputs });

    expect(builders.asked[0]?.request.labels).toEqual({
      'org.opencontainers.image.created': '2026-01-02T00:00:00.000Z',
      'org.opencontainers.image.source': 'https://git.example.com/shop.git',
      'org.opencontainers.image.revision': 'mine',
      team: 'shop',
    });
  });

  it('puts no time into an image made by layers, so that the same input gives the same digest', async () => {
    const { run, builders } = setUp();

    await run({ builder: 'layers' });

    expect(builders.asked[0]?.request.labels).toEqual({});
  });

  it.each([
    ['auto', undefined, 'docker', 'a Docker Engine answers'],
    ['auto', 'nobody answers', 'layers', 'nobody answers; the image is built by layers'],
    ['docker', 'nobody answers', 'docker', undefined],
    ['layers', undefined, 'layers', undefined],
  ])('takes for builder %s, engine: %s, the builder %s', async (builder, unavailable, taken, notice) => {
    const { run, builders, events } = setUp();
    builders.dockerUnavailable = unavailable;

    await run({ builder });

    expect(builders.asked.map((one) => one.builder)).toEqual([taken]);
    const said = events.flatMap((event) => (event.type === 'notice' ? [event.message] : []));
    expect(said).toHaveLength(notice === undefined ? 0 : 1);
    if (notice !== undefined) expect(said[0]).toContain(notice);
  });

  it('means the engine that the file names: layers does not take its place', async () => {
    const { run, builders } = setUp();
    builders.dockerUnavailable = 'nobody answers';

    await run({ docker: { host: 'tcp://docker:2376', certificates: 'engine' } });
    await run({ docker: { sidecar: 'dind' } });

    expect(builders.asked.map((one) => one.builder)).toEqual(['docker', 'docker']);
    expect(builders.addresses[0]).toEqual({
      type: 'host',
      host: 'tcp://docker:2376',
      certificates: { ca: Buffer.from('CA'), certificate: Buffer.from('CERT'), key: Buffer.from('KEY') },
    });
    expect(builders.addresses[1]).toMatchObject({ type: 'sidecar', service: 'dind', port: 2375 });
  });

  it('fails, without trouble of the infrastructure, when the Dockerfile is wrong', async () => {
    const { run, builders } = setUp();
    builders.failure = new BuildError('step 2/3 failed', { hint: 'mend it' });

    expect(await run({})).toEqual({
      outcome: 'failed',
      message: 'step 2/3 failed',
      hint: 'mend it',
      outputs: {},
      environment: {},
    });
  });

  it('throws trouble of the infrastructure', async () => {
    const { run, builders } = setUp();
    builders.failure = new AgentError('deleted', 'the pod is gone');

    await expect(run({})).rejects.toBe(builders.failure);
  });

  it.each<[Record<string, unknown>, string, RegExp]>([
    [{ repository: 'shop web' }, 'image.repository', /^"shop web": not the name of a repository/],
    [{ repository: 'harbor.example.com/Shop/Web' }, 'image.repository', /in lowercase/],
    [{ repository: 'Foo/Bar:1' }, 'image.repository', /without a tag/],
    [{ repository: 'harbor.example.com/shop/web:1' }, 'image.repository', /without a tag/],
    [{ tags: ['1', 'feature/x'] }, 'image.tags.1', /^"feature\/x": not a tag/],
    [{ args: { 'A-B': '1' } }, 'image.args.A-B', /not the name of a variable/],
  ])('refuses %j before anything runs', (image, path, message) => {
    const fields = z.strictObject({ ...imageDefinition.fields });
    const findings = checkSchema(
      fields,
      { image: { repository: 'h.io/shop/web', ...image } },
      { templates: true },
    );

    expect(findings).toEqual([expect.objectContaining({ message: expect.stringMatching(message) })]);
    expect(findings[0]?.path.join('.')).toBe(path);
  });

  it('leaves names with expressions to the run', () => {
    const image = { repository: 'h.io/${{ params.Name }}', tags: ['${{ git.shortSha }}'] };

    expect(
      checkSchema(z.strictObject({ ...imageDefinition.fields }), { image }, { templates: true }),
    ).toEqual([]);
  });

  it.each([
    [{ context: '../..' }, /leaves the workspace/],
    [{ builder: 'layers', docker: { sidecar: 'dind' } }, /does not go with/],
    [
      { docker: { host: 'tcp://x:2376', certificates: 'harbor' } },
      /holds no certificates; its keys are: username, password/,
    ],
  ])('refuses %j', async (image, message) => {
    const { run, builders } = setUp();

    await expect(run(image)).rejects.toThrow(message);
    expect(builders.asked).toEqual([]);
  });
});
