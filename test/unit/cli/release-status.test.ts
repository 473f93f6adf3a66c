import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../src/base/defined.ts';
import type { ReleaseStatus } from '../../../src/app/release-commands.ts';
import { statusText } from '../../../src/cli/status-text.ts';

const revision = (number: number, outcome: 'released' | 'failed' | 'rolledBack', reason?: string) => ({
  ...{
    number,
    outcome,
    strategy: 'rolling',
    runId: 'r',
    pipeline: 'np',
    stage: 'deploy',
    attempt: 1,
    who: 'me',
  },
  ...{ startedAt: 0, images: { web: 'web:2' }, workloads: [], configuration: [], objects: [] },
  ...defined({ reason }),
});

const workload = (kind: string, change: Partial<ReleaseStatus['workloads'][number]> = {}) => ({
  reference: { apiVersion: 'v1', kind, name: 'np', namespace: 'users' },
  ...{ complete: false, withoutReadinessProbe: false, paused: false, desired: 2, updated: 0, ready: 0 },
  ...{ revision: undefined, problems: [], tracks: [], stuckPods: [] },
  ...change,
});

const problem = (kind: 'crashLoop' | 'missing', message: string) => ({
  kind,
  message,
  key: 'k',
  lastedMs: 0,
});
const track = {
  name: 'candidate',
  workload: 'np-1',
  image: 'web:2',
  desired: 2,
  ready: 0,
  weight: 0,
} as const;

it('shows outcome, pods and reason of a first release that failed', () => {
  const status: ReleaseStatus = {
    application: 'np',
    namespace: 'users',
    last: revision(1, 'failed', 'it crashes'),
    workloads: [
      workload('Deployment', { tracks: [track], problems: [problem('crashLoop', 'container web crashes')] }),
      workload('StatefulSet', { problems: [problem('missing', 'StatefulSet np does not exist')] }),
      workload('Job', { problems: [problem('missing', 'Job np does not exist')] }),
    ],
  };

  expect(statusText(status)).toEqual([
    'np in users',
    'last release: revision 1, web=web:2, failed: it crashes',
    '  candidate np-1: 0 of 2 ready, 0 % of traffic',
    '    container web crashes',
    '  StatefulSet np: 0 of 2 ready',
    '    StatefulSet np does not exist',
  ]);
});

it('shows a few of many problems', () => {
  const problems = Array.from({ length: 12 }, (_, i) => problem('crashLoop', `pod ${String(i)} crashes`));
  const workloads = [workload('Deployment', { tracks: [track], problems })];

  expect(statusText({ application: 'np', namespace: 'users', workloads }).slice(2)).toEqual([
    ...['    pod 0 crashes', '    pod 1 crashes', '    pod 2 crashes', '    and 9 more'],
  ]);
});

it('shows no problem of what is complete', () => {
  const status: ReleaseStatus = {
    application: 'np',
    namespace: 'users',
    stable: revision(1, 'released'),
    last: revision(2, 'rolledBack', 'it crashed'),
    workloads: [workload('Job', { complete: true, problems: [problem('missing', 'x')] })],
  };

  expect(statusText(status)).toEqual([
    'np in users',
    'serving: revision 1, web=web:2',
    'last release: revision 2, web=web:2, rolled back: it crashed',
  ]);
});

const waiting = {
  text: 'step 2 of 4: pause until promote',
  forPerson: true,
  since: Date.UTC(2026, 10, 30, 13, 40, 5, 7),
};
const inProgress = {
  application: 'np',
  namespace: 'users',
  holder: 'run r',
  current: {
    ...{ revision: 2, phase: 'waiting', state: { phase: 'waiting' }, phaseSpentMs: 0 },
    generations: {},
    entry: revision(2, 'released'),
  },
  workloads: [],
} satisfies ReleaseStatus;

const defaults = {
  ...{ strategy: {}, timeoutMs: 1, prune: false, force: false },
  rollback: 'auto' as const,
};

it('says that a release waits for a person, since when, and the commands that answer it', () => {
  expect(statusText({ ...inProgress, waiting }, 'sandbox').slice(1)).toEqual([
    'in progress: revision 2, web=web:2, in phase waiting, owned by run r',
    'waiting for a person since 2026-11-30 13:40:05 UTC: step 2 of 4: pause until promote',
    '  to continue:  pipeline release promote np -n users --cluster sandbox',
    '  to roll back: pipeline release abort np -n users --cluster sandbox',
  ]);
});

it('says that a release pauses for a time, also where the record does not tell since when', () => {
  const paused = { text: 'step 2 of 4: pause 5m', forPerson: false };

  expect(statusText({ ...inProgress, waiting: paused }).slice(2)).toEqual([
    'paused: step 2 of 4: pause 5m',
    '  to continue:  pipeline release promote np -n users',
    '  to roll back: pipeline release abort np -n users',
  ]);
});

it('shows the last measurements of each analysis', () => {
  const sample = (verdict: 'passed' | 'noData', text: string) => ({ verdict, text, atMs: 0 });
  const errors = [sample('noData', 'nothing'), ...['0', '1', '2'].map((text) => sample('passed', text))];
  const current = {
    ...inProgress.current,
    samples: { 'step 2: errors': errors, 'step 2: smoke': errors.slice(0, 1) },
  };

  expect(statusText({ ...inProgress, current }).slice(2)).toEqual([
    '  analysis at step 2: errors, measurement 2: passed: 0',
    '  analysis at step 2: errors, measurement 3: passed: 1',
    '  analysis at step 2: errors, measurement 4: passed: 2',
    '  analysis at step 2: smoke, measurement 1: no data: nothing',
  ]);
});

it('says that a release measures, and which measurements decide nothing', () => {
  const measured = { text: 'step 1 of 2: analysis trial', forPerson: false };
  const settings = { analyses: { trial: { http: { url: 'http://web/' }, dryRun: true } } };
  const current = {
    ...{ ...inProgress.current, phase: 'measuring' },
    entry: { ...inProgress.current.entry, settings: { ...defaults, ...settings } },
    samples: { 'step 1: trial': [{ verdict: 'failed' as const, text: '0 of 5', atMs: 0 }] },
  };

  const text = statusText({ ...inProgress, current, waiting: measured });

  expect(text[2]).toBe('measuring: step 1 of 2: analysis trial');
  expect(text[5]).toBe('  analysis at step 1: trial, measurement 1: failed (dry run): 0 of 5');
});

describe('the status of a paused release', () => {
  const entry = revision(3, 'released');
  const base: ReleaseStatus = {
    ...{ application: 'np', namespace: 'users', workloads: [] },
    current: {
      ...{ revision: 3, phase: 'waiting', entry: { ...entry, outcome: 'unfinished' } },
      ...{ state: { phase: 'waiting' }, phaseSpentMs: 0, generations: {} },
    },
  };
  const at = { by: 'ann@desk', since: Date.UTC(2026, 10, 30, 13, 40, 5) };

  it('says who, since when, where it stands, and how it continues', () => {
    const waiting = { text: 'step 2 of 4: pause 5m', forPerson: false, since: 0 };

    expect(statusText({ ...base, waiting, paused: { ...at, rests: true } }, 'sandbox').slice(2)).toEqual([
      'paused by ann@desk since 2026-11-30 13:40:05 UTC: step 2 of 4: pause 5m',
      '  to continue:  pipeline release resume np -n users --cluster sandbox',
      '  to roll back: pipeline release abort np -n users --cluster sandbox',
    ]);
  });

  it('does not say so before its pods have come to rest', () => {
    expect(statusText({ ...base, paused: { ...at, rests: false } })[2]).toBe(
      'about to pause, when its pods have come to rest, asked by ann@desk since 2026-11-30 13:40:05 UTC',
    );
  });
});
