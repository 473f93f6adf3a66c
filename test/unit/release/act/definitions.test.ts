import { describe, expect, it } from '@jest/globals';
import { RejectedError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { applyObjects } from '../../../../src/release/act/apply-objects.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { object, requestOn } from './apply-request.ts';

const options = { signal: new AbortController().signal };

describe('a definition of a kind', () => {
  const definition = {
    ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'web' } },
  } as KubernetesObject;
  const condition = (type: string, status: string, more: object = {}) => ({
    status: {
      conditions: [
        { type: 'Other', status: 'True' },
        { type, status, ...more },
      ],
    },
  });
  const applyWith = async (status: object, afterPauses: number) => {
    const cluster = new FakeCluster();
    const request = requestOn(cluster);
    const { pauses } = request.clock;
    cluster.before = (verb) => {
      if (verb === 'get' && pauses.length === afterPauses) cluster.put({ ...definition, ...status });
    };
    const applied = applyObjects([definition, object('ConfigMap')], request, options);
    await applied.catch(() => undefined);
    return { applied, pauses };
  };

  it('is waited for until the API serves it', async () => {
    const { applied, pauses } = await applyWith(condition('Established', 'True'), 2);

    await applied;
    expect(pauses).toEqual([250, 250]);
  });

  it.each([
    [condition('NamesAccepted', 'False', { message: 'web is taken' }), 'web is taken'],
    [condition('NamesAccepted', 'False'), 'its names are taken'],
  ])('is refused when its names are taken', async (status, message) => {
    await expect((await applyWith(status, 1)).applied).rejects.toThrow(
      new RejectedError(`CustomResourceDefinition web: ${message}`),
    );
  });

  const late = new RejectedError('CustomResourceDefinition web was not established within 30 s');

  it.each([[condition('Established', 'False')], [condition('NamesAccepted', 'True')]])(
    'is waited for for 30 s',
    async (status) => {
      const { applied, pauses } = await applyWith(status, 0);

      await expect(applied).rejects.toThrow(late);
      expect(pauses).toEqual(Array.from({ length: 120 }, () => 250));
    },
  );

  it('is waited for, too, when somebody has deleted it meanwhile', async () => {
    const cluster = new FakeCluster();
    const { apiVersion, kind } = definition;
    cluster.after = () => cluster.drop({ apiVersion, kind, name: 'web' });

    await expect(applyObjects([definition], requestOn(cluster), options)).rejects.toThrow(late);
  });
});
