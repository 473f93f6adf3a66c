import { describe, expect, it } from '@jest/globals';
import { assertUnselected } from '../../../../src/stages/deploy/job-labels.ts';

const service = (selector?: Record<string, string>) => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } },
  spec: selector === undefined ? {} : { selector },
});
const jobWith = (labels?: Record<string, string>) => ({
  smoke: {
    job: {
      template: {
        ...(labels === undefined ? {} : { metadata: { labels } }),
        spec: { containers: [{ name: 'smoke', image: 'smoke:1' }] },
      },
    },
  },
});

describe('the labels of a Job that measures', () => {
  it('are refused where a Service would send it requests', () => {
    expect(() => assertUnselected(jobWith({ app: 'web', tier: 'x' }), [service({ app: 'web' })])).toThrow(
      'deploy.analyses.smoke: Service web selects the pods of its Job, which would get requests',
    );
  });

  it('are taken where none does', () => {
    for (const selector of [{ app: 'other' }, { app: 'web', track: 'a' }, {}, undefined])
      expect(() => assertUnselected(jobWith({ app: 'web' }), [service(selector)])).not.toThrow();
    expect(() => assertUnselected(jobWith(), [service({ app: 'web' })])).not.toThrow();
    expect(() => assertUnselected(undefined, [service({ app: 'web' })])).not.toThrow();
  });
});
