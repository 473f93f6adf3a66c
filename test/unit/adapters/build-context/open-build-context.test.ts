import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { extract, pack } from 'tar-stream';
import { filterTar } from '../../../../src/adapters/build-context/filter-tar.ts';
import { openBuildContext } from '../../../../src/adapters/build-context/open-build-context.ts';
import type { BuildRequest } from '../../../../src/ports/builder.ts';
import { folderAgent } from '../../../fakes/folder-agent.ts';

const signal = AbortSignal.timeout(20_000);
let workspace: string;
beforeAll(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'build-context-'));
});
afterAll(() => rm(workspace, { recursive: true }));

const project = async (files: Record<string, string>) => {
  const folder = join(workspace, randomUUID());
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
};

const request = (contextDirectory: string, dockerfile = 'Dockerfile'): BuildRequest => ({
  agent: folderAgent(workspace),
  contextDirectory,
  dockerfile,
  repository: 'h/r',
  tags: ['1'],
  buildArguments: {},
  labels: {},
  cacheFrom: [],
});

const contentOf = async (tar: Readable) => {
  const files = new Map<string, string>();
  const entries = extract();
  tar.pipe(entries);
  for await (const entry of entries) {
    let text = '';
    for await (const chunk of entry) text += String(chunk);
    files.set(entry.header.name, text);
  }
  return files;
};

describe('a build context', () => {
  it('has what .dockerignore leaves, and always the Dockerfile and .dockerignore', async () => {
    const folder = await project({ Dockerfile: 'FROM x', '.dockerignore': '*\n!src', 'src/a': '1', b: '2' });

    const context = await openBuildContext(request(folder), { signal });

    expect(await context.read(contentOf)).toEqual(
      new Map(
        [
          ['.dockerignore', '*\n!src'],
          ['Dockerfile', 'FROM x'],
          ['src/', ''],
          ['src/a', '1'],
        ].sort() as [string, string][],
      ),
    );
    expect(context).toMatchObject({ dockerfile: 'Dockerfile', dockerfileText: 'FROM x' });
    expect([...context.hidden].sort()).toEqual(['.dockerignore', 'Dockerfile']);
  });

  it('takes the ignore file beside the Dockerfile first', async () => {
    const folder = await project({
      'build/app.Dockerfile': 'FROM x',
      'build/app.Dockerfile.dockerignore': 'a',
      '.dockerignore': 'b',
      a: '',
      b: '',
    });

    const context = await openBuildContext(request(folder, 'build/app.Dockerfile'), { signal });

    const names = [...(await context.read(contentOf)).keys()];
    expect(names).toContain('b');
    expect(names).not.toContain('a');
  });

  it('brings a Dockerfile from outside, hidden and under the same name each time', async () => {
    const folder = await project({
      'app/a': '1',
      'app/.dockerignore': 'tmp',
      'app/tmp': '',
      'shared/Dockerfile': 'FROM x',
    });

    const context = await openBuildContext(request(join(folder, 'app'), '../shared/Dockerfile'), { signal });

    const files = await context.read(contentOf);
    expect(context.dockerfile).toMatch(/^\.dockerfile\.[0-9a-f]{20}$/);
    expect(Object.fromEntries(files)).toEqual({
      [context.dockerfile]: 'FROM x',
      '.dockerignore': `tmp\n${context.dockerfile}\n.dockerignore\n`,
      a: '1',
    });
    expect(context.hidden).toContain(context.dockerfile);
  });

  it('does not ask the pod for folders that are out, except where the Dockerfile lies in one', async () => {
    const folder = await project({ 'conf/Dockerfile': 'FROM x', '.dockerignore': 'conf\nnode_modules' });
    const agent = folderAgent(workspace);

    const context = await openBuildContext({ ...request(folder, 'conf/Dockerfile'), agent }, { signal });

    expect([...(await context.read(contentOf)).keys()]).toContain('conf/Dockerfile');
    expect(agent.calls.downloads[0]?.excludes).toEqual(['node_modules']);
  });
});

describe('filtering a tar stream', () => {
  const stream = (...entries: Parameters<ReturnType<typeof pack>['entry']>[0][]) => {
    const tar = pack();
    for (const entry of entries) tar.entry(entry, entry.type === undefined ? 'x' : '');
    tar.finalize();
    return Readable.from(tar, { objectMode: false });
  };

  it('refuses names that lead outside', async () => {
    await expect(lengthOf(filterTar(stream({ name: '../x' }), { keep: () => true }))).rejects.toThrow(
      /outside of itself/,
    );
  });

  it('says why a hard link cannot go without its file', async () => {
    const tar = stream({ name: 'out' }, { name: 'in', type: 'link', linkname: 'out' });

    await expect(lengthOf(filterTar(tar, { keep: (name) => name !== 'out' }))).rejects.toThrow(
      '"in" is a hard link to "out", which .dockerignore excludes',
    );
  });

  it('leaves out devices and makes root the owner', async () => {
    const tar = stream({ name: './a', uid: 7, gid: 8 }, { name: 'dev', type: 'character-device' });
    const entries = extract();
    filterTar(tar, { keep: () => true }).pipe(entries);
    const seen: unknown[] = [];
    for await (const entry of entries) {
      seen.push([entry.header.name, entry.header.uid, entry.header.gid]);
      entry.resume();
    }

    expect(seen).toEqual([['a', 0, 0]]);
  });

  it('leaves out the setgid bit that folders have from their volume', async () => {
    const tar = stream({ name: 'src', type: 'directory', mode: 0o2755 }, { name: 'src/x', mode: 0o4755 });
    const entries = extract();
    filterTar(tar, { keep: () => true }).pipe(entries);
    const seen: unknown[] = [];
    for await (const entry of entries) {
      seen.push([entry.header.name, entry.header.mode]);
      entry.resume();
    }

    expect(seen).toEqual([
      ['src/', 0o755],
      ['src/x', 0o4755],
    ]);
  });

  it('reads no faster than it is read, and ends its source when it is ended', async () => {
    let made = 0;
    const head = pack();
    head.entry({ name: 'big', size: 1e9 });
    await once(head, 'readable');
    const header = head.read() as Buffer;
    const source = Readable.from(
      (function* () {
        yield header;
        for (; made < 1e9; made += 65_536) yield Buffer.alloc(65_536);
      })(),
      { objectMode: false },
    );
    const filtered = filterTar(source, { keep: () => true });
    filtered.once('error', () => undefined);
    await once(filtered, 'readable');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(made).toBeLessThan(5e6);

    filtered.destroy();

    await once(source, 'close');
  });

  it('passes on an error of its source', async () => {
    const source = new Readable({ read: () => undefined });
    const filtered = lengthOf(filterTar(source, { keep: () => true }));
    source.destroy(new Error('the pod is gone'));

    await expect(filtered).rejects.toThrow('the pod is gone');
  });
});

async function lengthOf(tar: Readable): Promise<number> {
  let length = 0;
  for await (const chunk of tar) length += (chunk as Buffer).length;
  return length;
}
