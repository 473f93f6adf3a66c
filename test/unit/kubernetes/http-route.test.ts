import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  acceptance,
  candidateShare,
  unsplittable,
  withoutCandidate,
  withShare,
  type HttpRoute,
  type RouteRule,
} from '../../../src/kubernetes/http-route.ts';

const backends = { service: 'web', candidate: 'web-canary' };
const plain: RouteRule[] = [{ backendRefs: [{ name: 'web', port: 80, weight: 1 }] }];

describe('the share of new pods in an HTTPRoute', () => {
  it('is a part of what the Service of the old pods has, in each rule that names it', () => {
    const rules: RouteRule[] = [
      { matches: [{ headers: [{ name: 'x', value: 'y' }] }], backendRefs: [{ name: 'web', port: 80 }] },
      {
        backendRefs: [
          { name: 'web', port: 80, weight: 3 },
          { name: 'other', port: 80, weight: 1 },
        ],
      },
      { backendRefs: [{ name: 'other' }] },
      {},
    ];
    const shared = withShare(rules, backends, { percent: 20 });
    expect(shared.map(({ backendRefs }) => backendRefs?.map(({ name, weight }) => [name, weight]))).toEqual([
      [
        ['web', 80],
        ['web-canary', 20],
      ],
      [
        ['web', 240],
        ['web-canary', 60],
        ['other', 100],
      ],
      [['other', undefined]],
      undefined,
    ]);
    expect(shared[0]?.matches).toEqual(rules[0]?.matches);
    expect(shared[1]?.backendRefs?.[1]?.port).toBe(80);
    expect(candidateShare(shared, backends)).toBe(20);
  });

  it('is for testers with their header a whole one, before the rule that is shared out', () => {
    const rules: RouteRule[] = [
      {
        name: 'all',
        matches: [{ headers: [{ name: 'x', value: 'y' }] }],
        backendRefs: [{ name: 'web', weight: 5 }],
      },
    ];
    const tester = { name: 'x-tester', value: 'yes' };
    const shared = withShare(rules, backends, { percent: 0, tester });
    expect(shared).toEqual([
      {
        matches: [
          {
            headers: [
              { name: 'x', value: 'y' },
              { type: 'Exact', name: 'x-tester', value: 'yes' },
            ],
          },
        ],
        backendRefs: [{ name: 'web-canary', weight: 1 }],
      },
      {
        ...rules[0],
        backendRefs: [
          { name: 'web', weight: 500 },
          { name: 'web-canary', weight: 0 },
        ],
      },
    ]);
    expect(candidateShare(shared, backends)).toBe(0);
    expect(withoutCandidate(shared, backends)).toEqual(rules);
  });

  it.each<[string, RouteRule[], unknown]>([
    ['not there', plain, 'absent'],
    ['not there, where nothing is routed', [], 'absent'],
    ['mixed where rules differ', [...plain, ...withShare(plain, backends, { percent: 10 })], 'mixed'],
    [
      'mixed where a rule alone names new pods',
      [...plain, { backendRefs: [{ name: 'web-canary' }] }],
      'mixed',
    ],
    ['mixed where new pods are all that is named', [{ backendRefs: [{ name: 'web-canary' }] }], 'mixed'],
    [
      'none of other kinds of that name',
      [{ backendRefs: [{ kind: 'Pool', group: 'x', name: 'web-canary' }] }],
      'absent',
    ],
  ])('is %s', (_, rules, share) => {
    expect(candidateShare(rules, backends)).toBe(share);
  });

  it('can be changed and taken out from any rules, which are then as they were', () => {
    const ref = fc.record({
      name: fc.constantFrom('web', 'other', 'third'),
      port: fc.constantFrom(80, 81),
      weight: fc.nat({ max: 1000 }),
    });
    // A backend is named once in a rule.
    const refs = fc.uniqueArray(ref, {
      maxLength: 4,
      selector: ({ name, port }) => `${name}:${String(port)}`,
    });
    const percent = fc.nat({ max: 100 });
    const tester = fc.option(fc.constant({ name: 'x-tester', value: 'yes' }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.array(fc.record({ backendRefs: refs }), { maxLength: 4 }),
        percent,
        percent,
        tester,
        (rules, first, second, header) => {
          const more = header === undefined ? {} : { tester: header };
          const once = withShare(rules, backends, { percent: first, ...more });
          const twice = withShare(once, backends, { percent: second, ...more });
          expect(twice).toEqual(withShare(rules, backends, { percent: second, ...more }));
          expect(withoutCandidate(twice, backends)).toEqual(rules);
          const gets = rules.some(({ backendRefs }) =>
            backendRefs.some(({ name, weight }) => name === 'web' && weight > 0),
          );
          if (gets) expect(candidateShare(twice, backends)).toBe(second);
        },
      ),
    );
  });
});

describe('rules whose traffic cannot be shared out', () => {
  it.each<[string, RouteRule[], string | undefined]>([
    ['a backend', plain, undefined],
    ['no backend', [{}], 'sends nothing to Service web'],
    ['a weight of 0', [{ backendRefs: [{ name: 'web', weight: 0 }] }], 'sends nothing to Service web'],
    ['another Service', [{ backendRefs: [{ name: 'other' }] }], 'sends nothing to Service web'],
    ['the greatest weight', [{ backendRefs: [{ name: 'web', weight: 10_000 }] }], undefined],
    [
      'a greater weight',
      [
        {
          backendRefs: [
            { name: 'web', weight: 1 },
            { name: 'other', weight: 10_001 },
          ],
        },
      ],
      'has a weight above 10000, which leaves no room for shares of it',
    ],
  ])('%s', (_, rules, reason) => {
    expect(unsplittable(rules, 'web')).toBe(reason);
  });
});

describe('whether a Gateway has taken a route', () => {
  const accepted = (generation: number, more: object = {}) => ({
    ...{ type: 'Accepted', status: 'True', observedGeneration: generation, ...more },
  });
  const resolved = (generation: number, more: object = {}) => ({
    ...accepted(generation),
    type: 'ResolvedRefs',
    ...more,
  });
  const parent = { name: 'gateway', namespace: 'kube-system' };

  function routeWith(conditions: object[][], parentRefs = [parent]): HttpRoute {
    const parents = conditions.map((each) => ({ parentRef: parent, conditions: each }));
    return {
      ...{
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: 'web', generation: 3 },
      },
      ...{ spec: { parentRefs, rules: plain }, status: { parents } },
    } as HttpRoute;
  }

  it.each<[string, HttpRoute, object]>([
    ['no status', routeWith([]), { isInForce: false }],
    ['taken as it is', routeWith([[accepted(3), resolved(3)]]), { isInForce: true }],
    ['taken as it was before', routeWith([[accepted(3), resolved(2)]]), { isInForce: false }],
    [
      'by one of two',
      routeWith([
        [accepted(3), resolved(3)],
        [accepted(2), resolved(2)],
      ]),
      { isInForce: false },
    ],
    [
      'by one that it names no more',
      routeWith([[accepted(3), resolved(3)]], [{ ...parent, name: 'x' }]),
      { isInForce: false },
    ],
    [
      'refused',
      routeWith([[accepted(3, { status: 'False', message: 'no such filter' }), resolved(3)]]),
      { isInForce: false, problem: 'no such filter' },
    ],
    [
      'without a backend',
      routeWith([[accepted(3), resolved(3, { status: 'False', reason: 'BackendNotFound' })]]),
      { isInForce: false, problem: 'BackendNotFound' },
    ],
    ['refused as it was before', routeWith([[accepted(2, { status: 'False' })]]), { isInForce: false }],
    [
      'another condition',
      routeWith([[accepted(3), resolved(3), accepted(3, { type: 'X', status: 'False' })]]),
      { isInForce: true },
    ],
  ])('%s', (_, route, wanted) => {
    expect(acceptance(route)).toEqual(wanted);
  });
});

describe('a rule that has a Service twice by one port', () => {
  it.each([1, 7, 50, 100])('gets both of its weights back (%d %%)', (percent) => {
    const names = { service: 'web', candidate: 'web-canary' };
    const ref = { name: 'web', port: 80 };
    const twice = [
      {
        backendRefs: [
          { ...ref, weight: 1 },
          { name: 'other', weight: 2 },
          { ...ref, weight: 10 },
        ],
      },
    ];

    expect(withoutCandidate(withShare(twice, names, { percent }), names)).toEqual(twice);
  });
});
