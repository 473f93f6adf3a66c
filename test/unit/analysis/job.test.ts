import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jobObject, jobReference } from '../../../src/analysis/job/job-object.ts';
import { criterion, judge } from '../../../src/analysis/judge.ts';
import { analysisSettings } from '../../../src/analysis/settings.ts';

const template = { spec: { containers: [{ name: 'smoke', image: 'smoke:1' }] } };
const measurement = {
  ...{ application: 'web', namespace: 'shop', revision: 7, key: 'step 2: smoke', count: 3 },
  ...{ candidate: 'b', stable: 'a' },
};
const owner = { name: 'slipway-release-web', uid: 'uid-1' };

function problems(settings: object): string[] {
  const parsed = analysisSettings.safeParse(settings);
  return parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
}

describe('the Job of a measurement', () => {
  it('tries once, for five minutes, knows both tracks, and goes with the record', () => {
    expect(jobObject({ template }, measurement, owner)).toEqual({
      ...{ apiVersion: 'batch/v1', kind: 'Job' },
      metadata: {
        ...{ name: 'web-7-10d44ba0-3', namespace: 'shop' },
        labels: { 'slipway.dev/measures': 'web', 'app.kubernetes.io/managed-by': 'slipway' },
        annotations: { 'slipway.dev/measurement': 'step 2: smoke, 3' },
        ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', ...owner }],
      },
      spec: {
        ...{ backoffLimit: 0, activeDeadlineSeconds: 300 },
        template: {
          spec: {
            restartPolicy: 'Never',
            containers: [
              {
                ...{ name: 'smoke', image: 'smoke:1' },
                env: [
                  { name: 'SLIPWAY_CANDIDATE_HASH', value: 'b' },
                  { name: 'SLIPWAY_STABLE_HASH', value: 'a' },
                ],
              },
            ],
          },
        },
      },
    });
  });

  it('is as the file says, with what a container sets itself', () => {
    const env = [{ name: 'SLIPWAY_STABLE_HASH', value: 'mine' }];
    const own = {
      metadata: { labels: { team: 'shop' } },
      spec: {
        ...({ restartPolicy: 'OnFailure', serviceAccountName: 'smoke' } as const),
        initContainers: [{ name: 'wait', image: 'wait:1' }],
        containers: [{ name: 'smoke', image: 'smoke:1', env }],
      },
    };
    const job = jobObject({ template: own, timeout: '90s', backoffLimit: 2 }, measurement, owner);
    const candidate = { name: 'SLIPWAY_CANDIDATE_HASH', value: 'b' };
    expect(job).toMatchObject({
      spec: {
        ...{ backoffLimit: 2, activeDeadlineSeconds: 90 },
        template: {
          metadata: own.metadata,
          spec: {
            ...{ restartPolicy: 'OnFailure', serviceAccountName: 'smoke' },
            initContainers: [{ env: [candidate, { name: 'SLIPWAY_STABLE_HASH', value: 'a' }] }],
            containers: [{ env: [candidate, ...env] }],
          },
        },
      },
    });
  });

  it('has a name of its own that Kubernetes takes, the same for each runner', () => {
    const name = (more: Partial<typeof measurement>) => jobReference({ ...measurement, ...more }).name;
    const others = [{ revision: 8 }, { key: 'step 3: smoke' }, { key: 'step 2: smokes' }, { count: 4 }];
    expect(new Set([name({}), ...others.map(name)]).size).toBe(5);
    const application = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    fc.assert(
      fc.property(application, fc.nat(), fc.string(), fc.integer({ min: 1, max: 100 }), (...all) => {
        const [of, revision, key, count] = all;
        const made = name({ application: of, revision, key, count });
        expect(made).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
      }),
    );
  });
});

describe('a Job as the source of an analysis', () => {
  it('stands alone, and has its verdict itself', () => {
    expect(problems({ job: { template } })).toEqual([]);
    expect(problems({ job: { template }, http: { url: 'http://web/' } })).toEqual([
      'needs exactly one of http, prometheus, job',
    ]);
    expect(problems({ job: { template }, success: 'true' })).toEqual([
      'a Job passes when it completes: leave out success and failure',
    ]);
    expect(judge({ job: { template } }, { type: 'judged', verdict: 'failed', text: 'it failed' })).toEqual({
      ...{ verdict: 'failed', text: 'it failed' },
    });
    expect(criterion({ job: { template } })).toBe('wanted the Job to complete');
  });

  it('has a container, ends, and is not restarted for ever', () => {
    expect(problems({ job: { template: { spec: { containers: [] } } } })).toHaveLength(1);
    expect(problems({ job: { template, timeout: '500ms' } })).toEqual(['must be 1s at least']);
    const always = { spec: { ...template.spec, restartPolicy: 'Always' } };
    expect(problems({ job: { template: always } })).toHaveLength(1);
  });
});
