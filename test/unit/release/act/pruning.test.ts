import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { prunable, prune, removeOldConfiguration } from '../../../../src/release/act/clean-up.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { entry, recordOf } from '../record/records.ts';

const options = { signal: new AbortController().signal };
const reference = (kind: string, name: string, namespace = 'shop') => ({
  ...{ apiVersion: 'v1', kind, name, namespace },
});

function object(kind: string, name: string, labels?: Record<string, string>, namespace = 'shop') {
  const metadata = labels === undefined ? { name, namespace } : { name, namespace, labels };
  return { apiVersion: 'v1', kind, metadata } as KubernetesObject;
}

describe('what is pruned', () => {
  it('is what any earlier revision had, once, but for configuration of a revision', () => {
    const old = [reference('Service', 'old'), reference('ConfigMap', 'web-1'), reference('Secret', 'web-2')];
    const record = recordOf([
      entry(1, { objects: [...old, reference('ConfigMap', 'plain')], configuration: ['web-1', 'web-2'] }),
      entry(2, { objects: [...old, reference('Service', 'web-1')] }),
    ]);

    expect(prunable(record, { objects: [reference('Service', 'new')] })).toEqual([
      reference('Service', 'old'),
      reference('ConfigMap', 'plain'),
      reference('Service', 'web-1'),
    ]);
  });

  it('is deleted as it was seen, with what it owns, and only what is the application’s', async () => {
    const cluster = new FakeCluster();
    const mine = { 'slipway.dev/application': 'web' };
    const { uid } = cluster.put(object('Service', 'old', mine)).metadata;
    cluster.put(object('Service', 'theirs', { 'slipway.dev/application': 'api' }));
    cluster.put(object('Service', 'bare'));
    const deleted: unknown[] = [];
    const remove = cluster.delete.bind(cluster);
    cluster.delete = (...args: Parameters<typeof remove>) => {
      deleted.push(args);
      return remove(...args);
    };
    const names = ['old', 'theirs', 'bare', 'gone'];

    const pruned = await prune(
      names.map((name) => reference('Service', name)),
      'web',
      cluster,
      options,
    );

    expect(pruned).toEqual(['Service shop/old']);
    expect(deleted).toEqual([[reference('Service', 'old'), { ...options, uid, propagation: 'Background' }]]);
  });

  it('is not said of what was deleted by somebody else', async () => {
    const cluster = new FakeCluster();
    cluster.put(object('Service', 'old', { 'slipway.dev/application': 'web' }));
    cluster.before = (verb) => {
      if (verb === 'delete') cluster.drop(reference('Service', 'old'));
    };

    expect(await prune([reference('Service', 'old')], 'web', cluster, options)).toEqual([]);
  });
});

describe('configuration of revisions', () => {
  const labels = { 'slipway.dev/application': 'web', 'slipway.dev/configuration': 'conf' };
  const namesOf = (cluster: FakeCluster) =>
    ['ConfigMap', 'Secret'].flatMap((kind) =>
      cluster.all(kind).map(({ metadata }) => `${kind} ${String(metadata.namespace)}/${metadata.name}`),
    );

  function clusterWith(): FakeCluster {
    const cluster = new FakeCluster();
    for (const kind of ['ConfigMap', 'Secret']) {
      for (const name of ['conf-1', 'conf-2']) cluster.put(object(kind, name, labels));
      cluster.put(object(kind, 'conf-0', labels, 'far'));
      cluster.put(object(kind, 'plain', { 'slipway.dev/application': 'web' }));
      cluster.put(object(kind, 'theirs', { ...labels, 'slipway.dev/application': 'api' }));
    }
    return cluster;
  }
  const record = (kind: string) =>
    recordOf([entry(2, { objects: [reference(kind, 'conf-2')], configuration: ['conf-2'] })]);

  it('is removed when no kept revision needs it', async () => {
    const cluster = clusterWith();

    await removeOldConfiguration(record('Secret'), ['shop'], cluster, options);

    expect(namesOf(cluster)).toEqual(
      ['ConfigMap', 'Secret'].flatMap((kind) => [
        `${kind} shop/conf-2`,
        ...[`${kind} far/conf-0`, `${kind} shop/plain`, `${kind} shop/theirs`],
      ]),
    );
  });

  it('is removed as it was seen: what has its name by then stays', async () => {
    const cluster = clusterWith();
    const other = object('ConfigMap', 'conf-1');
    cluster.before = (verb) => {
      if (verb !== 'delete') return;
      cluster.drop(reference('ConfigMap', 'conf-1'));
      cluster.put(other);
    };

    await removeOldConfiguration(record('ConfigMap'), ['shop'], cluster, options);

    expect(cluster.peek(reference('ConfigMap', 'conf-1'))).toMatchObject(other);
  });

  it('is looked for among Secrets where one of the kept revisions has one', async () => {
    const cluster = clusterWith();
    const [first] = record('ConfigMap').history;
    const [second] = record('Secret').history;

    await removeOldConfiguration(recordOf([first!, second!]), ['shop'], cluster, options);

    expect(namesOf(cluster)).not.toContain('Secret shop/conf-1');
  });

  it('is looked for among Secrets only where a revision has one, and in each namespace', async () => {
    const cluster = clusterWith();
    const asked: unknown[] = [];
    cluster.before = (verb, { apiVersion, kind }) => void asked.push(`${verb} ${apiVersion} ${kind}`);

    await removeOldConfiguration(record('ConfigMap'), ['shop', 'far'], cluster, options);

    expect(asked).toEqual([
      'list v1 ConfigMap',
      'delete v1 ConfigMap',
      'list v1 ConfigMap',
      'delete v1 ConfigMap',
    ]);
    expect(namesOf(cluster)).toContain('Secret shop/conf-1');
  });
});
