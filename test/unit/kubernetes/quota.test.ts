import { describe, expect, it } from '@jest/globals';
import { quotaRefusal } from '../../../src/kubernetes/quota.ts';

const exceeded = (requested: string, limited: string, used = 'pods=3') =>
  `pods "web-x" is forbidden: exceeded quota: team, requested: ${requested}, used: ${used}, limited: ${limited}`;

describe('a refusal by a quota', () => {
  it.each([
    ['pods "web-x" is forbidden: failed quota: team: must specify limits.cpu for: web', 'final'],
    ['failed quota: team: must specify limits.cpu,requests.memory for: web', 'final'],
    ['failed quota: team: must specify requests.nvidia.com/gpu for: web', 'final'],
    ['failed quota: team: must specify count/pods,example.com/a-b,memory', 'final'],
    ['failed quota: team: must specify cpu', 'final'],
    ['you must specify a name', undefined],
    ['pods "web-x" is forbidden: status unknown for quota: team, resources: pods', 'passing'],
    ['violates PodSecurity "restricted:latest"', undefined],
    ['exceeded quota: team', 'passing'],
  ])('%s: %s', (message, meaning) => {
    expect(quotaRefusal(message)).toBe(meaning);
  });

  it.each([
    ['pods=1', 'pods=3', 'passing'],
    ['pods=3', 'pods=3', 'passing'],
    ['pods=4', 'pods=3', 'final'],
    ['pods=12', 'pods=3', 'final'],
    ['pods=1', 'pods=0', 'passing'],
    ['pods=1', 'services=3', 'passing'],
    ['limits.cpu=1500m', 'limits.cpu=1', 'final'],
    ['limits.cpu=500m', 'limits.cpu=1', 'passing'],
    ['limits.cpu=0.25', 'limits.cpu=0.5', 'passing'],
    ['limits.cpu=1.75', 'limits.cpu=1.5', 'final'],
    ['memory=1Gi', 'memory=1000Mi', 'final'],
    ['memory=1G', 'memory=1Gi', 'passing'],
    ['pods=1,memory=2Gi', 'pods=3,memory=1Gi', 'final'],
    ['memory=2Gi,pods=1', 'pods=3,memory=1Gi', 'final'],
    ['pods=1,memory=1Gi', 'pods=3,memory=2Gi', 'passing'],
    // an amount that cannot be read says nothing
    ['memory=9Xi', 'memory=1Gi', 'passing'],
    ['memory=9Gi', 'memory=1Xi', 'passing'],
    ['memory=x9', 'memory=1', 'passing'],
    ['memory=9Gi-', 'memory=1', 'passing'],
    ['memory=-9', 'memory=1', 'passing'],
    ['memory', 'memory=1', 'passing'],
    ['memory=Gi', 'memory=0.5', 'passing'],
  ])('that asks for %s where there is %s is %s', (requested, limited, meaning) => {
    expect(quotaRefusal(exceeded(requested, limited))).toBe(meaning);
  });
});
