import { describe, expect, it } from '@jest/globals';
import {
  oneLine,
  pullOutlook,
  unschedulableReason,
  waitingTrouble,
} from '../../../src/kubernetes/pod-trouble.ts';

describe('why a container waits', () => {
  it.each([
    [
      { reason: 'ErrImagePull', message: 'm' },
      { kind: 'imagePull', reason: 'ErrImagePull', message: 'm' },
    ],
    [{ reason: 'CreateContainerError' }, { kind: 'start', reason: 'CreateContainerError', message: '' }],
    [{ reason: 'ContainerCreating' }, undefined],
    [{}, undefined],
    [undefined, undefined],
  ])('%j is %j', (waiting, trouble) => {
    expect(waitingTrouble(waiting)).toEqual(trouble);
  });
});

describe('whether another try may mend a pull', () => {
  it.each([
    ['InvalidImageName', 'connection refused', 'final'],
    ['ErrImagePull', 'connection reset by peer', 'passing'],
    ['ErrImagePull', '429 Too Many Requests', 'passing'],
    [
      'ErrImagePull',
      'unexpected status from HEAD request to https://r/v2/: 503 Service Unavailable',
      'passing',
    ],
    ['ErrImagePull', 'unexpected status code 502: not found', 'passing'],
    ['ErrImagePull', 'received unexpected HTTP status: 500 Internal Server Error', 'passing'],
    ['ErrImagePull', 'manifest unknown', 'final'],
    // Ports, tags and digests are no statuses.
    ['ErrImagePull', 'failed to pull image "127.0.0.1:35502/none/such:1": not found', 'final'],
    ['ErrImagePull', 'failed to pull image "shop/web:502": not found', 'final'],
    ['ErrImagePull', 'failed to pull image "shop/web@sha256:0a5b503": manifest unknown', 'final'],
    ['ErrImagePull', 'something else', 'unclear'],
  ] as const)('%s: %s: %s', (reason, detail, outlook) => {
    expect(pullOutlook(reason, detail)).toBe(outlook);
  });
});

describe('why the scheduler finds no node', () => {
  const scheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no memory' };

  it.each([
    [[{ type: 'Ready', status: 'False', reason: 'other' }, scheduled], 'no memory'],
    [[{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }], 'no reason given'],
    [[{ ...scheduled, status: 'True' }], undefined],
    [[{ ...scheduled, type: 'Ready' }], undefined],
    [[{ ...scheduled, reason: 'SchedulerError' }], undefined],
    [[], undefined],
    [undefined, undefined],
  ])('%j: %s', (conditions, reason) => {
    expect(unschedulableReason(conditions)).toBe(reason);
  });
});

describe('a message of Kubernetes', () => {
  it('is one line of at most 400 characters', () => {
    expect(oneLine(' a\n\tb  c \n')).toBe('a b c');
    expect(oneLine('x'.repeat(400))).toBe('x'.repeat(400));
    expect(oneLine('x'.repeat(401))).toBe(`${'x'.repeat(399)}…`);
  });
});
