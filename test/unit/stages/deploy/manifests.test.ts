import { describe, expect, it } from '@jest/globals';
import { withoutOtherHooks } from '../../../../src/stages/deploy/helm-hooks.ts';
import { inDependencyOrder } from '../../../../src/stages/deploy/order.ts';
import { parseManifests } from '../../../../src/stages/deploy/parse-manifests.ts';
import { selectFiles } from '../../../../src/stages/deploy/read-manifest-files.ts';
import { withRollingUpdate } from '../../../../src/strategies/rolling/rolling-update.ts';
import { repositoryOf, setImages } from '../../../../src/stages/deploy/set-images.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import { manifestOf, yamlForms } from '../../../support/yaml-forms.ts';

const parse = (text: string) => parseManifests([{ path: 'k8s/web.yaml', text }]);
const digest = `sha256:${'a'.repeat(64)}`;

function deployment(
  spec: object = {},
  containers: object[] = [{ name: 'web', image: 'shop/web:1' }],
): Workload {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { template, ...spec } as Workload['spec'],
  };
}

/** Of a ConfigMap, fields without a value are left out. */
function withoutNulls(value: unknown): object {
  const clean = (field: unknown): unknown =>
    Array.isArray(field)
      ? field.map(clean)
      : typeof field === 'object' && field !== null
        ? Object.fromEntries(
            Object.entries(field).flatMap(([key, item]) => (item === null ? [] : [[key, clean(item)]])),
          )
        : field;
  return clean(value) as object;
}

describe('parseManifests', () => {
  it('reads several documents, leaves empty ones out and takes lists apart', () => {
    const text = `
apiVersion: v1
kind: Service
metadata: {name: web}
---
# nothing here
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}
`;

    const manifests = parse(text);

    expect(manifests.map(({ object, location }) => [object.metadata.name, location])).toEqual([
      ['web', 'k8s/web.yaml:2'],
      ['a', 'k8s/web.yaml:8'],
      ['b', 'k8s/web.yaml:8'],
    ]);
  });

  it.each([
    ['kind: Service\nmetadata: {name: web}', /k8s\/web\.yaml:1:1: apiVersion: /],
    ['apiVersion: v1\nkind: service\nmetadata: {name: web}', /k8s\/web\.yaml:2:7: kind: must be a kind/],
    ['apiVersion: v1\nkind: Service\nmetadata: {nam: web}', /metadata\.name/],
    ['a: [1\nb: 2', /k8s\/web\.yaml:2:1: /],
    ['just text', /k8s\/web\.yaml:1:1: expected a Kubernetes object/],
    [`a: ${'['.repeat(20_000)}`, /k8s\/web\.yaml:1:\d+: nested too deeply/],
  ])('tells file and line of what is wrong in %j', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  it('tells every error, and objects that stand twice', () => {
    const object = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n';

    expect(() => parse(`${object}---\n${object}---\nkind: X\n`)).toThrow(
      /k8s\/web\.yaml:9.*\n.*k8s\/web\.yaml:5: ConfigMap web is already defined at k8s\/web\.yaml:1/s,
    );
  });

  it.each([
    ['lists', (from: string) => `[${Array(10).fill(from).join(',')}]`],
    ['merge keys', (from: string) => `{ <<: [${Array(10).fill(from).join(',')}] }`],
  ])('stops an alias bomb of %s', (_name, grow) => {
    const lines = ['a: &a {}'];
    for (let i = 0; i < 8; i++) {
      const [from, to] = ['abcdefghi'[i]!, 'abcdefghi'[i + 1]!];
      lines.push(`${to}: &${to} ${grow(`*${from}`)}`);
    }

    expect(() => parse(lines.join('\n'))).toThrow(/k8s\/web\.yaml:1:\d+: .*alias/i);
  });

  it.each(yamlForms.map((form) => ({ form, title: form.text.slice(0, 80) })))(
    'reads as kubectl does: $title',
    ({ form }) => {
      if (form.refused !== undefined) {
        expect(() => parse(manifestOf(form))).toThrow(form.refused);
        return;
      }
      expect(parse(manifestOf(form))[0]?.object).toEqual({
        ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } },
        ...withoutNulls(form.json),
      });
    },
  );

  it('reads JSON objects one after another, and finds what is wrong in them', () => {
    const object = (name: string, more = '') =>
      `{\n\t"apiVersion": "v1", "kind": "ConfigMap",\n\t"metadata": {"name": "${name}"}${more}\n}`;

    const manifests = parse(`${object('a')} ${object('b', ', "data": {"x": "}\\"{"}')}\n${object('c')}`);

    expect(manifests.map(({ object: found, location }) => [found.metadata.name, location])).toEqual([
      ['a', 'k8s/web.yaml:1'],
      ['b', 'k8s/web.yaml:4'],
      ['c', 'k8s/web.yaml:8'],
    ]);
    expect(() => parse(`${object('a')}\n${object('b', ', "kind": "x"')}`)).toThrow(
      /:7:37: kind: must be a kind/,
    );
  });

  it('says one thing of JSON that is cut off', () => {
    expect(() => parse('{"apiVersion": "v1"}\n{"kind": "ConfigMap", "metadata": {"name"')).toThrow(
      /^invalid manifests:\n[^\n]*$/,
    );
  });

  it('says that the last of two equal keys counts', () => {
    const warnings: string[] = [];
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: x\n  a: z\n';

    parseManifests([{ path: 'k8s/web.yaml', text }], (warning) => warnings.push(warning));

    expect(warnings).toEqual(['k8s/web.yaml:6:3: "a" stands twice in the same object; the last one counts']);
  });

  it('leaves out what has no value, as the API does', () => {
    const text = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: "", annotations: , labels: {a: }}
spec:
  template:
    metadata:
    spec:
      initContainers:
      containers: [{name: web, env: , resources: }]
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: web, namespace: , finalizers: }
spec: {size: }
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: }, ports: }
`;

    expect(parse(text).map(({ object }) => object)).toEqual([
      {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', labels: { a: '' } } },
        spec: { template: { spec: { containers: [{ name: 'web' }] } } },
      },
      { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'web' }, spec: { size: null } },
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: { app: '' } } },
    ]);
  });

  it('takes an empty list for none, and fills in what the items of a typed one are', () => {
    const list = 'apiVersion: v1\nkind: ConfigMapList\nitems:';

    expect(parse(list)).toEqual([]);
    expect(parse(`${list} [{metadata: {name: a}}]`)[0]?.object).toMatchObject({ kind: 'ConfigMap' });
  });

  it.each([
    [
      'metadata: {name: web, labels: {on: 1.10}}\nspec: {template: {spec: {}}}',
      /3:36: metadata\.labels\.true: .*quotes/,
    ],
    ['metadata: {name: web}', /spec: /],
    [
      'metadata: {name: web}\nspec: {template: {spec: {containers: web}}}',
      /4:38: spec\.template\.spec\.containers: /,
    ],
    ['metadata: {name: web}\nspec: {template: {spec: {containers: [{image: a}]}}}', /4:39: spec.*0\.name: /],
    ['x: &x {name: 1}\nmetadata: *x\nspec: {template: {spec: {}}}', /3:14: metadata\.name: .*quotes/],
    ['x: &x {name: 1}\nmetadata: {<<: *x}\nspec: {template: {spec: {}}}', /3:14: metadata\.name: .*quotes/],
  ])('says where a workload cannot be read: %j', (text, message) => {
    expect(() => parse(`apiVersion: apps/v1\nkind: Deployment\n${text}`)).toThrow(message);
  });

  it('takes out what only the server writes', () => {
    const [manifest] = parse(
      'apiVersion: v1\nkind: Service\nmetadata: {name: web, uid: u, resourceVersion: "1"}\nstatus: {a: 1}',
    );

    expect(manifest?.object).toEqual({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } });
  });
});

describe('hooks of a rendered Helm chart', () => {
  it.each([
    ['test', 'the tests'],
    ['test-success, test-failure', 'older tests'],
    ['post-delete', 'what cleans up'],
    ['pre-rollback', 'what a rollback needs'],
  ])('for %s are left out: %s', (hook) => {
    const warnings: string[] = [];
    const text = `apiVersion: v1\nkind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: "${hook}"}}\nspec: {}\n`;

    expect(withoutOtherHooks(parse(text), (warning) => warnings.push(warning))).toEqual([]);

    expect(warnings).toEqual([
      expect.stringContaining(`k8s/web.yaml:1: Pod t is left out: it is a Helm hook for ${hook}`),
    ]);
  });

  it.each(['pre-install, pre-upgrade', 'post-upgrade,test', 'crd-install', ''])(
    'for "%s" are applied',
    (hook) => {
      const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: t, annotations: {helm.sh/hook: "${hook}"}}\n`;

      expect(withoutOtherHooks(parse(text), (warning) => expect(warning).toBe('none'))).toHaveLength(1);
    },
  );
});

describe('inDependencyOrder', () => {
  it('brings what others refer to first, and traffic last', () => {
    const kinds = [
      'Ingress',
      'Widget',
      'Deployment',
      'Service',
      'ConfigMap',
      'CustomResourceDefinition',
      'Namespace',
    ];
    const manifests = kinds.map((kind) => ({ object: { apiVersion: 'v1', kind, metadata: { name: kind } } }));

    expect(inDependencyOrder(manifests).map(({ object }) => object.kind)).toEqual([
      'Namespace',
      'CustomResourceDefinition',
      'ConfigMap',
      'Service',
      'Deployment',
      'Widget',
      'Ingress',
    ]);
  });
});

describe('selectFiles', () => {
  const paths = ['k8s/web.yaml', 'k8s/db/db.yml', 'k8s/notes.md', 'other.yaml'];

  it.each([
    [['k8s/*.yaml'], ['k8s/web.yaml']],
    [['k8s'], ['k8s/web.yaml']],
    [['./k8s/'], ['k8s/web.yaml']],
    [
      ['k8s/**/*.y{a,}ml', 'other.yaml'],
      ['k8s/db/db.yml', 'k8s/web.yaml', 'other.yaml'],
    ],
    [['.'], ['other.yaml']],
  ])('finds %j', (patterns, found) => {
    expect(selectFiles(paths, patterns)).toEqual(found);
  });

  it('says which pattern matches nothing', () => {
    expect(() => selectFiles(paths, ['k8s/*.yaml', 'deploy/*.yaml'])).toThrow(
      /no file matches "deploy\/\*\.yaml"/,
    );
  });
});

describe('setImages', () => {
  const pushed = [{ stage: 'image', reference: `harbor.example.com:8443/shop/web@${digest}` }];
  const image = (objects: KubernetesObject[]) =>
    (objects[0] as Workload).spec.template?.spec.containers[0]?.image;

  it.each([
    ['harbor.example.com:8443/shop/web', 'harbor.example.com:8443/shop/web:1.2'],
    ['web', 'web'],
    ['shop/web', `shop/web:1@${digest}`],
  ])('finds the repository %s of %s', (repository, reference) => {
    expect(repositoryOf(reference)).toBe(repository);
  });

  it('sets the pushed digest where the repository is the same', () => {
    const objects = [deployment({}, [{ name: 'web', image: 'harbor.example.com:8443/shop/web:1' }])];

    const result = setImages(objects, undefined, pushed);

    expect(image(result.objects)).toBe(pushed[0]?.reference);
    expect(result.warnings).toEqual([]);
    expect(image(objects)).toBe('harbor.example.com:8443/shop/web:1');
  });

  it('warns when no container uses what was pushed', () => {
    expect(setImages([deployment()], undefined, pushed).warnings).toEqual([
      expect.stringContaining('no container uses harbor.example.com:8443/shop/web, which stage image pushed'),
    ]);
  });

  it('sets images by the name of the container', () => {
    expect(image(setImages([deployment()], { web: 'shop/web:2' }, pushed).objects)).toBe('shop/web:2');
  });

  it('refuses a container that is not there, and says which are', () => {
    expect(() => setImages([deployment()], { wbe: 'shop/web:2' }, [])).toThrow(
      expect.objectContaining({ message: expect.stringContaining('wbe'), hint: 'there are: web' }),
    );
  });
});

describe('withRollingUpdate', () => {
  const strategy = (spec: object, settings = {}) =>
    (withRollingUpdate([deployment(spec)], settings)[0] as Workload).spec.strategy;

  it('lets no pod be missing where nobody says how many may be', () => {
    expect(strategy({})).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 },
    });
  });

  it('keeps what the manifest says, and lets the settings win over it', () => {
    const rollingUpdate = { maxSurge: 2, maxUnavailable: 1 };

    expect(strategy({ strategy: { rollingUpdate } })?.rollingUpdate).toEqual(rollingUpdate);
    expect(strategy({ strategy: { rollingUpdate } }, { maxUnavailable: 0 })?.rollingUpdate).toEqual({
      maxSurge: 2,
      maxUnavailable: 0,
    });
  });

  it('never asks for what the API refuses: no surge and none missing', () => {
    expect(strategy({ strategy: { rollingUpdate: { maxSurge: 0 } } })?.rollingUpdate).toEqual({
      maxSurge: 1,
      maxUnavailable: 0,
    });
  });

  it('leaves Recreate alone', () => {
    expect(strategy({ strategy: { type: 'Recreate' } })).toEqual({ type: 'Recreate' });
  });

  it('writes the progress deadline in seconds', () => {
    const [object] = withRollingUpdate([deployment()], { progressDeadline: '2m' });

    expect((object as Workload).spec.progressDeadlineSeconds).toBe(120);
  });
});
