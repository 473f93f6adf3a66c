import { describe, expect, it } from '@jest/globals';
import { decidePull, withoutPullSecret, type ImagePull } from '../../../src/kubernetes/image-pull.ts';
import type { PullSecret } from '../../../src/kubernetes/pull-secret.ts';

const pull: ImagePull = {
  workload: 'Deployment shop/web',
  namespace: 'shop',
  repository: 'harbor.example.com/shop/web',
  pushedBy: 'image',
  secrets: [],
  account: 'default',
};
const other: PullSecret = { type: 'read', servers: ['ghcr.io'] };
const good: PullSecret = { type: 'read', servers: ['ghcr.io', 'harbor.example.com'] };
const create =
  'kubectl create secret docker-registry pull --namespace shop --docker-server=harbor.example.com --docker-username=USER --docker-password=PASSWORD';

function decide(
  secrets: Record<string, PullSecret>,
  more: { hiddenAccount?: string; pullsAlready?: boolean } = {},
) {
  return decidePull(pull, { pullsAlready: false, ...more, secrets: new Map(Object.entries(secrets)) });
}

describe('decidePull', () => {
  it('says what has no pull secret, what pushes there with credentials, and what to do', () => {
    const answer = decide({});

    expect(answer).toEqual({
      state: 'missing',
      message:
        'Deployment shop/web may not be able to pull its image: neither its pod template nor the ServiceAccount default has imagePullSecrets, and stage image pushes harbor.example.com/shop/web with credentials',
      hint: `unless nodes have a login or anybody may read there: ${create.replace(' pull ', ' NAME ')}, and name it under imagePullSecrets of the pod template or of the ServiceAccount`,
    });
  });

  it.each<[string, PullSecret, RegExp]>([
    ['is not there', { type: 'missing' }, /pull secret pull is not in namespace shop,/],
    ['is of another type', { type: 'wrongType', secretType: 'Opaque' }, /secret pull is of type Opaque, /],
    ['has other registries', other, /secret pull has no login for harbor\.example\.com; it has: ghcr\.io,/],
    ['has none', { type: 'read', servers: [] }, /it has: none,/],
  ])('says when the secret %s, and how it is made', (_, secret, words) => {
    const answer = decide({ pull: secret });

    expect(answer).toMatchObject({ state: 'missing', message: expect.stringMatching(words) });
    expect(answer).toMatchObject({ hint: expect.stringMatching(new RegExp(`${create}$`)) });
  });

  it.each<[string, Record<string, PullSecret>]>([
    ['one of several secrets has a login', { lost: { type: 'missing' }, old: other, pull: good }],
    ['the release brings one that cannot be read here', { pull: { type: 'brought' } }],
  ])('is content when %s', (_, secrets) => {
    expect(decide(secrets)).toMatchObject({ state: 'ok' });
  });

  it('is content when the pods have pulled from there already: their nodes have a login', () => {
    expect(decide({}, { pullsAlready: true })).toMatchObject({ state: 'ok' });
  });

  it.each([
    ['the secret', { pull: { type: 'hidden', reason: 'not allowed to get secrets' } } as const, {}],
    ['the account', {}, { hiddenAccount: 'not allowed to get secrets' }],
  ])('says that it was not checked when %s could not be read', (_, secrets, more) => {
    expect(decide(secrets, more)).toEqual({
      state: 'notChecked',
      message:
        'not checked whether Deployment shop/web has a login for harbor.example.com: not allowed to get secrets',
      hint: 'it needs one: stage image pushes harbor.example.com/shop/web with credentials',
    });
  });

  it('names Docker Hub as its logins do', () => {
    const hub = { ...pull, repository: 'docker.io/ada/web' };

    const answer = decidePull(hub, { secrets: new Map(), pullsAlready: false });

    expect(answer).toMatchObject({
      hint: expect.stringContaining('--docker-server=https://index.docker.io/v1/ '),
    });
  });
});

it('withoutPullSecret leaves it open what the cluster has', () => {
  const { namespace: _, ...unplaced } = pull;

  const { message, hint } = withoutPullSecret(unplaced);

  expect(message).toContain('its pod template has no imagePullSecrets, and stage image pushes');
  expect(hint).toMatch(
    /^unless the ServiceAccount default has them \(`pipeline doctor` looks\), nodes have a login or .* --namespace NAMESPACE /,
  );
});
