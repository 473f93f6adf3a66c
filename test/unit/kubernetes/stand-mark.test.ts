import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../src/base/defined.ts';
import { detachOf, detachAnnotation, pauseAnnotation, pauseOf } from '../../../src/kubernetes/stand-mark.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';

const deployment = (annotations?: Record<string, string>): Workload => ({
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', spec: {} },
  metadata: { name: 'web', ...defined({ annotations }) },
});

describe('what stands on a Deployment that is to stand still', () => {
  it('is read as it was written', () => {
    const pause = { revision: 7, by: 'ann@desk', since: '2026-11-30T13:40:05.000Z' };
    const detach = { revision: 7, by: 'ann@desk', holder: 'run 1, stage deploy, ab' };
    const live = deployment({
      [pauseAnnotation]: JSON.stringify(pause),
      [detachAnnotation]: JSON.stringify(detach),
    });

    expect(pauseOf(live)).toEqual(pause);
    expect(detachOf(live)).toEqual(detach);
  });

  it.each([
    ['nothing', undefined],
    ['no JSON', 'yes'],
    ['something else', '{"revision":"7"}'],
    ['a list', '[]'],
  ])('is nothing where there is %s', (_, text) => {
    const live = deployment(
      text === undefined ? undefined : { [pauseAnnotation]: text, [detachAnnotation]: text },
    );

    expect(pauseOf(live)).toBeUndefined();
    expect(detachOf(live)).toBeUndefined();
  });
});
