import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ApiRequest } from '../../../../src/sandbox/api/request.ts';
import { checkFields } from '../../../../src/sandbox/api/field-validation.ts';
import { StatusError } from '../../../../src/sandbox/api/status-error.ts';
import type { Fields } from '../../../../src/base/fields.ts';
import { validate, validateUpdate } from '../../../../src/sandbox/kinds/validate.ts';
import { createObjects } from '../../../../src/sandbox/store/create-objects.ts';
import { cases } from '../../../support/cases.ts';

const objects = createObjects(':memory:');
afterAll(() => {
  objects.close();
});

const template = {
  metadata: { labels: { app: 'a' } },
  spec: {
    containers: [
      {
        name: 'main',
        image: 'app:1',
        ports: [{ containerPort: 80 }],
        env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        readinessProbe: { httpGet: { port: 80 } },
        resources: { limits: { cpu: '1' } },
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      },
    ],
    volumes: [{ name: 'v', secret: { secretName: 's' } }],
  },
};
const selector = { matchLabels: { app: 'a' } };
const metadata = { name: 'a', namespace: 'default', labels: { a: 'b' }, finalizers: ['example.com/a'] };
const bases: Fields[] = [
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { selector, template, strategy: { rollingUpdate: { maxSurge: 1 } } },
  },
  {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata,
    spec: {
      schedule: '* * * * *',
      jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } },
    },
  },
  { apiVersion: 'v1', kind: 'Pod', metadata, spec: template.spec },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { type: 'NodePort', ports: [{ port: 80, targetPort: 'web' }] },
  },
  { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { a: 'b' }, data: { c: 'eA==' } },
  {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'boats.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'Boat', plural: 'boats' },
      versions: [{ name: 'v1', served: true, storage: true }],
    },
  },
];

/** Checks as the API does: field types first, then the store's own rules; nothing stays. */
function attempt(given: Fields): void {
  const kind = objects.catalog.byKind(String(given['kind']))!;
  const response = { appendHeader: () => response };
  const exchange = { kind, query: new URLSearchParams(), response } as unknown as ApiRequest;
  const checked = checkFields(exchange, given);
  objects.dryRun(() => objects.create({ metadata: {}, ...checked }));
}

/** The object with one value, found by following `steps`, replaced. */
function replaced(object: Fields, steps: readonly number[], value: unknown): Fields {
  const copy = structuredClone(object);
  let place: Fields = copy;
  for (const [index, step] of steps.entries()) {
    const keys = Object.keys(place).filter((key) => key !== 'apiVersion' && key !== 'kind');
    const key = keys[step % Math.max(keys.length, 1)];
    if (key === undefined) break;
    const next = place[key];
    if (index === steps.length - 1 || typeof next !== 'object' || next === null) {
      place[key] = structuredClone(value);
      break;
    }
    place = next as Fields;
  }
  return copy;
}

describe('what a client sends', () => {
  it('is taken as it is when it is right', () => {
    for (const base of bases) expect(() => attempt(structuredClone(base))).not.toThrow();
  });

  it('is stored or refused with a Status, whatever stands in any of its fields', () => {
    const value = fc.constantFrom<unknown>(
      null,
      0,
      -1,
      1.5,
      '',
      'x',
      true,
      [],
      {},
      [null],
      [1],
      [[]],
      { a: null },
      [{}],
      '5%',
    );
    const steps = fc.array(fc.nat(20), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom(...bases), steps, value, (base, path, put) => {
        try {
          attempt(replaced(base, path, put));
        } catch (error) {
          expect(error).toBeInstanceOf(StatusError);
          expect((error as StatusError).httpCode).toBeLessThan(500);
        }
      }),
      { numRuns: cases(1500) },
    );
  });
});

describe('a change', () => {
  const kind = objects.catalog.byKind('ConfigMap')!;
  const map = (more: Fields): Fields => ({ metadata: { name: 'a' }, ...more });

  it('of an immutable ConfigMap is told for each field', () => {
    const causes = validateUpdate(
      kind,
      map({ data: { a: '2' } }),
      map({ data: { a: '1' }, immutable: true }),
    );

    expect(causes.map(({ field, message }) => [field, message])).toEqual([
      ['immutable', 'Forbidden: field is immutable when `immutable` is set'],
      ['data', 'Forbidden: field is immutable when `immutable` is set'],
    ]);
  });

  it('cannot add a finalizer to what is being deleted', () => {
    const going = { metadata: { name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z' } };

    const [cause] = validateUpdate(kind, { metadata: { ...going.metadata, finalizers: ['x/y'] } }, going);

    expect(cause?.message).toContain('no new finalizers can be added');
  });
});

describe('names', () => {
  const causesOf = (kind: string, name: string): string[] =>
    validate(objects.catalog.byKind(kind)!, { metadata: { name }, spec: { ports: [{ port: 1 }] } })
      .filter(({ field }) => field === 'metadata.name')
      .map(({ message }) => message);

  it.each<[string, string, boolean]>([
    ['ConfigMap', 'a.b-c', true],
    ['ConfigMap', 'A', false],
    ['ConfigMap', 'a'.repeat(254), false],
    ['Namespace', 'a.b', false],
    ['Service', '1a', false],
    ['Role', 'system:a', true],
    ['Role', 'a/b', false],
  ])('%s %s', (kind, name, valid) => {
    expect(causesOf(kind, name).length === 0).toBe(valid);
  });
});
