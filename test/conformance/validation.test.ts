import { describe, expect, it } from '@jest/globals';
import { useLab } from './lab.ts';
import { configMap, container, deployment, imageValue, job, pod, service, template } from './objects.ts';
import type { Json } from './wire.ts';

const lab = useLab('validation');
const dry = (plural: string, object: Json): Promise<{ code: number; body: Json }> =>
  lab.post(plural, object, { dryRun: 'All' });

const probe = (more: Json): Json =>
  pod('p', 'true', { containers: [container('true', { readinessProbe: more })] });
const env = (...entries: Json[]): Json =>
  pod('p', 'true', { containers: [container('true', { env: entries })] });
const rolling = (rollingUpdate: Json): Json =>
  deployment('d', { strategy: { type: 'RollingUpdate', rollingUpdate } });
const withResources = (resources: Json): Json =>
  pod('p', 'true', { containers: [container('true', { resources })] });
const ports = (...list: Json[]): Json => service('s', { ports: list });
const withVolume = (volume: Json, mount: Json = {}): Json =>
  pod('p', '', {
    volumes: [{ name: 'v', ...volume }],
    containers: [container('a', { volumeMounts: [{ name: 'v', mountPath: '/v', ...mount }] })],
  });
const withFile = (path: string, more: Json = {}): Json =>
  withVolume({ configMap: { name: 'c', items: [{ key: 'a', path, ...more }] } });
const withContainer = (more: Json): Json => pod('p', '', { containers: [container('a', more)] });
const withSelector = (expression: Json): Json =>
  deployment('d', { selector: { matchLabels: { app: 'd' }, matchExpressions: [expression] } });
const updated = (kind: string): Json => ({
  kind,
  metadata: { name: 's' },
  spec: {
    updateStrategy: { type: 'Sometimes' },
    selector: { matchLabels: { app: 's' } },
    template: template('s'),
    ...(kind === 'StatefulSet' ? { serviceName: 's' } : {}),
  },
});
const ingress = (spec: Json): Json => ({ kind: 'Ingress', metadata: { name: 'i' }, spec });
const onPath = (path: Json): Json =>
  ingress({
    rules: [{ http: { paths: [{ backend: { service: { name: 's', port: { number: 80 } } }, ...path }] } }],
  });
const policy = (spec: Json): Json => ({
  kind: 'NetworkPolicy',
  metadata: { name: 'n' },
  spec: { podSelector: {}, ...spec },
});
const aFile = 'spec.volumes[0].configMap.items[0]';

describe('refused with 422, and why', () => {
  it.each<[string, string, Json, string | RegExp]>([
    ['a pod without containers', 'pods', pod('p', '', { containers: [] }), 'spec.containers: Required value'],
    [
      'a container without a name',
      'pods',
      pod('p', '', { containers: [{ image: imageValue }] }),
      'spec.containers[0].name: Required value',
    ],
    [
      'a container without an image',
      'pods',
      pod('p', '', { containers: [{ name: 'a' }] }),
      'spec.containers[0].image: Required value',
    ],
    [
      'two containers of one name',
      'pods',
      pod('p', '', { containers: [container('a'), container('b')] }),
      'spec.containers[1].name: Duplicate value: "main"',
    ],
    [
      'a container name that is no DNS label',
      'pods',
      pod('p', '', { containers: [container('a', { name: 'A_b' })] }),
      'spec.containers[0].name: Invalid value: "A_b"',
    ],
    [
      'an unknown restart policy',
      'pods',
      pod('p', 'true', { restartPolicy: 'Sometimes' }),
      /spec\.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "(Never|OnFailure)", "(Never|OnFailure)"/,
    ],
    [
      'a mount without its volume',
      'pods',
      pod('p', '', { containers: [container('a', { volumeMounts: [{ name: 'v', mountPath: '/v' }] })] }),
      'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ],
    [
      'a subPath that leads out of its volume',
      'pods',
      withVolume({ emptyDir: {} }, { subPath: '../../x' }),
      `volumeMounts.subPath: Invalid value: "../../x": must not contain '..'`,
    ],
    [
      'a subPath that is absolute',
      'pods',
      withVolume({ emptyDir: {} }, { subPath: '/x' }),
      'volumeMounts.subPath: Invalid value: "/x": must be a relative path',
    ],
    [
      'a subPathExpr that leads out of its volume',
      'pods',
      withVolume({ emptyDir: {} }, { subPathExpr: '../x' }),
      `volumeMounts.subPathExpr: Invalid value: "../x": must not contain '..'`,
    ],
    [
      'a subPath twice',
      'pods',
      withVolume({ emptyDir: {} }, { subPath: 'a', subPathExpr: 'b' }),
      'volumeMounts[0].subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive',
    ],
    [
      'a file that leads out of its volume',
      'pods',
      withFile('x/../../y'),
      `${aFile}.path: Invalid value: "x/../../y": must not contain '..'`,
    ],
    [
      'a file with an absolute path',
      'pods',
      withFile('/x'),
      `${aFile}.path: Invalid value: "/x": must be a relative path`,
    ],
    [
      'a file with a name of the kubelet',
      'pods',
      withFile('..x'),
      `${aFile}.path: Invalid value: "..x": must not start with '..'`,
    ],
    ['a file without a path', 'pods', withFile(''), `${aFile}.path: Required value`],
    ['a file without a key', 'pods', withFile('x', { key: '' }), `${aFile}.key: Required value`],
    [
      'a file of a Secret that leads out of its volume',
      'pods',
      withVolume({ secret: { secretName: 's', items: [{ key: 'a', path: '../x' }] } }),
      `spec.volumes[0].secret.items[0].path: Invalid value: "../x": must not contain '..'`,
    ],
    [
      'a projected file that leads out of its volume',
      'pods',
      withVolume({
        projected: { sources: [{ secret: { name: 's', items: [{ key: 'a', path: '../x' }] } }] },
      }),
      `spec.volumes[0].projected.sources[0].secret.items[0].path: Invalid value: "../x": must not contain '..'`,
    ],
    [
      'a downward file that leads out of its volume',
      'pods',
      withVolume({
        downwardAPI: { items: [{ path: '../x', fieldRef: { fieldPath: 'metadata.name' } }] },
      }),
      `spec.volumes[0].downwardAPI.path: Invalid value: "../x": must not contain '..'`,
    ],
    [
      'a path of the host with steps back',
      'pods',
      withVolume({ hostPath: { path: '/a/../b' } }),
      `spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain '..'`,
    ],
    [
      'two mounts on one path',
      'pods',
      pod('p', '', {
        volumes: [{ name: 'v', emptyDir: {} }],
        containers: [
          container('a', {
            volumeMounts: [
              { name: 'v', mountPath: '/v' },
              { name: 'v', mountPath: '/v' },
            ],
          }),
        ],
      }),
      'mountPath: Invalid value: "/v": must be unique',
    ],
    [
      'a volume of two kinds',
      'pods',
      pod('p', 'a', { volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/' } }] }),
      'may not specify more than 1 volume type',
    ],
    [
      'two volumes of one name',
      'pods',
      pod('p', 'a', {
        volumes: [
          { name: 'v', emptyDir: {} },
          { name: 'v', emptyDir: {} },
        ],
      }),
      'spec.volumes[1].name: Duplicate value: "v"',
    ],
    [
      'a port out of range',
      'pods',
      pod('p', '', { containers: [container('a', { ports: [{ containerPort: 70_000 }] })] }),
      'containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    [
      'an environment variable of a bad name',
      'pods',
      env({ name: 'a=b', value: 'x' }),
      'spec.containers[0].env[0].name: Invalid value: "a=b"',
    ],
    [
      'a value and a source at once',
      'pods',
      env({ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }),
      'may not be specified when `value` is not empty',
    ],
    [
      'an unknown field of the pod',
      'pods',
      env({ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.unknown' } } }),
      'fieldPath',
    ],
    ['a probe without a handler', 'pods', probe({ periodSeconds: 1 }), 'must specify a handler type'],
    [
      'a probe with two handlers',
      'pods',
      probe({ exec: { command: ['true'] }, tcpSocket: { port: 80 } }),
      'may not specify more than 1 handler type',
    ],
    [
      'a negative threshold',
      'pods',
      probe({ exec: { command: ['true'] }, failureThreshold: -1 }),
      'failureThreshold: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'a liveness probe that must succeed twice',
      'pods',
      pod('p', '', {
        containers: [container('a', { livenessProbe: { exec: { command: ['true'] }, successThreshold: 2 } })],
      }),
      'successThreshold: Invalid value: 2: must be 1',
    ],
    [
      'a request over its limit',
      'pods',
      withResources({ requests: { cpu: '2' }, limits: { cpu: '1' } }),
      /must be less than or equal to cpu limit/,
    ],
    [
      'a quantity that is negative',
      'pods',
      withResources({ requests: { memory: '-1Mi' } }),
      'must be greater than or equal to 0',
    ],
    [
      'a bad label value',
      'pods',
      pod('p', 'a', {}, { labels: { a: 'not a label' } }),
      'metadata.labels: Invalid value: "not a label"',
    ],
    [
      'a bad label key',
      'pods',
      pod('p', 'a', {}, { labels: { 'a b': 'c' } }),
      'metadata.labels: Invalid value: "a b"',
    ],
    [
      'a bad annotation key',
      'pods',
      pod('p', 'a', {}, { annotations: { 'a b': 'c' } }),
      'metadata.annotations: Invalid value: "a b"',
    ],
    [
      'an active deadline of 0',
      'pods',
      pod('p', 'a', { activeDeadlineSeconds: 0 }),
      'spec.activeDeadlineSeconds: Invalid value: 0',
    ],
    [
      'a selector that does not match its template',
      'deployments',
      deployment('d', { template: template('other') }),
      '`selector` does not match template `labels`',
    ],
    ['an empty selector', 'deployments', deployment('d', { selector: {} }), 'spec.selector: Invalid value'],
    [
      'a negative size',
      'deployments',
      deployment('d', { replicas: -1 }),
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'no surge and nothing unavailable',
      'deployments',
      rolling({ maxSurge: 0, maxUnavailable: 0 }),
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value',
    ],
    [
      'over 100% unavailable',
      'deployments',
      rolling({ maxUnavailable: '101%' }),
      'must not be greater than 100%',
    ],
    [
      'a rolling update for Recreate',
      'deployments',
      deployment('d', { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } }),
      'may not be specified when strategy `type` is',
    ],
    [
      'a deadline not after minReadySeconds',
      'deployments',
      deployment('d', { minReadySeconds: 20, progressDeadlineSeconds: 20 }),
      'must be greater than minReadySeconds',
    ],
    [
      'a restart policy that is not Always',
      'deployments',
      deployment('d', {
        template: {
          metadata: { labels: { app: 'd' } },
          spec: { restartPolicy: 'Never', containers: [container('a')] },
        },
      }),
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
    [
      'a Job that restarts always',
      'jobs',
      job('j', 'true', { template: { spec: { restartPolicy: 'Always', containers: [container('a')] } } }),
      /spec\.template\.spec\.restartPolicy: .*supported values: "(OnFailure|Never)", "(OnFailure|Never)"|Required value: valid values: "OnFailure", "Never"/,
    ],
    [
      'negative parallelism',
      'jobs',
      job('j', 'true', { parallelism: -1 }),
      'spec.parallelism: Invalid value: -1',
    ],
    ['a Service without ports', 'services', ports(), 'spec.ports: Required value'],
    [
      'two ports without names',
      'services',
      ports({ port: 80 }, { port: 81 }),
      'spec.ports[0].name: Required value',
    ],
    [
      'two ports of one name',
      'services',
      ports({ name: 'a', port: 80 }, { name: 'a', port: 81 }),
      'spec.ports[1].name: Duplicate value: "a"',
    ],
    [
      'a Service port out of range',
      'services',
      ports({ port: 0 }),
      'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
    ],
    [
      'a Service of an unknown type',
      'services',
      service('s', { type: 'Odd' }),
      'spec.type: Unsupported value: "Odd"',
    ],
    [
      'a Service name that ends with a hyphen',
      'services',
      { ...service('s-') },
      'metadata.name: Invalid value: "s-"',
    ],
    ['an address that is none', 'services', service('s', { clusterIP: '300.1.1.1' }), /spec\.clusterIPs?/],
    ['a ConfigMap key with a slash', 'configmaps', configMap('c', { 'a/b': 'x' }), 'Invalid value: "a/b"'],
    [
      'a Secret that is no docker config',
      'secrets',
      { kind: 'Secret', metadata: { name: 's' }, type: 'kubernetes.io/dockerconfigjson', data: {} },
      'data[.dockerconfigjson]: Required value',
    ],
    [
      'a claim without a size',
      'persistentvolumeclaims',
      { kind: 'PersistentVolumeClaim', metadata: { name: 'p' }, spec: { accessModes: ['ReadWriteOnce'] } },
      'spec.resources[storage]: Required value',
    ],
    [
      'a claim without access modes',
      'persistentvolumeclaims',
      {
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'p' },
        spec: { resources: { requests: { storage: '1Gi' } } },
      },
      'spec.accessModes: Required value',
    ],
    [
      'a budget of two kinds',
      'poddisruptionbudgets',
      {
        kind: 'PodDisruptionBudget',
        metadata: { name: 'b' },
        spec: { minAvailable: 1, maxUnavailable: 1, selector: { matchLabels: { a: 'b' } } },
      },
      'minAvailable and maxUnavailable cannot be both set',
    ],
    [
      'a schedule that is none',
      'cronjobs',
      {
        kind: 'CronJob',
        metadata: { name: 'c' },
        spec: { schedule: 'often', jobTemplate: { spec: job('j', 'true').spec } },
      },
      'spec.schedule: Invalid value: "often"',
    ],
    [
      'a variable from a ConfigMap without a key',
      'pods',
      env({ name: 'A', valueFrom: { configMapKeyRef: { name: 'c' } } }),
      'spec.containers[0].env[0].valueFrom.configMapKeyRef.key: Required value',
    ],
    [
      'variables from nothing',
      'pods',
      withContainer({ envFrom: [{ prefix: 'A' }] }),
      'must specify one of: `configMapRef` or `secretRef`',
    ],
    [
      'two ports of a container of one name',
      'pods',
      withContainer({
        ports: [
          { name: 'a', containerPort: 80 },
          { name: 'a', containerPort: 81 },
        ],
      }),
      'spec.containers[0].ports[1].name: Duplicate value: "a"',
    ],
    [
      "a port's name in capitals",
      'pods',
      withContainer({ ports: [{ name: 'HTTP', containerPort: 80 }] }),
      'spec.containers[0].ports[0].name: Invalid value: "HTTP": must contain only alpha-numeric characters',
    ],
    [
      'a probe of no port',
      'pods',
      probe({ httpGet: { path: '/' } }),
      'readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive',
    ],
    [
      'a probe of an unknown scheme',
      'pods',
      probe({ httpGet: { port: 80, scheme: 'ftp' } }),
      'readinessProbe.httpGet.scheme: Unsupported value: "ftp"',
    ],
    [
      'an unknown pull policy',
      'pods',
      withContainer({ imagePullPolicy: 'always' }),
      'spec.containers[0].imagePullPolicy: Unsupported value: "always"',
    ],
    [
      'an unknown policy of the last message',
      'pods',
      withContainer({ terminationMessagePolicy: 'Log' }),
      'spec.containers[0].terminationMessagePolicy: Invalid value: "Log"',
    ],
    [
      'an unknown resource',
      'pods',
      withResources({ limits: { gpus: '1' } }),
      'spec.containers[0].resources.limits[gpus]: Invalid value: "gpus": must be a standard resource',
    ],
    [
      'an unknown seccomp profile',
      'pods',
      pod('p', 'a', { securityContext: { seccompProfile: { type: 'Mine' } } }),
      'spec.securityContext.seccompProfile.type: Unsupported value: "Mine"',
    ],
    [
      'rights of a file that are no rights',
      'pods',
      withVolume({ configMap: { name: 'c', defaultMode: 644 } }),
      'configMap.defaultMode: Invalid value: 644: must be a number between 0 and 0777 (octal), both inclusive',
    ],
    [
      'an unknown type of a path of the host',
      'pods',
      withVolume({ hostPath: { path: '/', type: 'Folder' } }),
      'spec.volumes[0].hostPath.type: Unsupported value: "Folder"',
    ],
    [
      'a claim without a name in a volume',
      'pods',
      withVolume({ persistentVolumeClaim: {} }),
      'spec.volumes[0].persistentVolumeClaim.claimName: Required value',
    ],
    [
      'an unknown effect of a taint',
      'pods',
      pod('p', 'a', { tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoWork' }] }),
      'spec.tolerations[0].effect: Unsupported value: "NoWork"',
    ],
    [
      'an affinity without a topology',
      'pods',
      pod('p', 'a', {
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { a: 'b' } } }],
          },
        },
      }),
      'requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value',
    ],
    [
      'an unknown way to spread pods',
      'pods',
      pod('p', 'a', {
        topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'a', whenUnsatisfiable: 'Perhaps' }],
      }),
      'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Perhaps"',
    ],
    [
      'an unknown operator of a selector',
      'deployments',
      withSelector({ key: 'app', operator: 'Is', values: ['d'] }),
      'spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
    ],
    [
      'an operator without values',
      'deployments',
      withSelector({ key: 'app', operator: 'In' }),
      'spec.selector.matchExpressions[0].values: Required value',
    ],
    [
      'an unknown update of a StatefulSet',
      'statefulsets',
      updated('StatefulSet'),
      /spec\.updateStrategy: (Invalid|Unsupported) value: .*OnDelete/,
    ],
    [
      'an unknown update of a DaemonSet',
      'daemonsets',
      updated('DaemonSet'),
      /spec\.updateStrategy: Unsupported value: .*OnDelete/,
    ],
    [
      'a port of a Service twice',
      'services',
      ports({ name: 'a', port: 80 }, { name: 'b', port: 80 }),
      'spec.ports[1]: Duplicate value',
    ],
    [
      'an unknown traffic policy',
      'services',
      service('s', { type: 'NodePort', externalTrafficPolicy: 'Near' }),
      /spec\.externalTrafficPolicy: (Invalid|Unsupported) value: "Near"/,
    ],
    [
      'an Ingress without rules',
      'ingresses',
      ingress({}),
      'either `defaultBackend` or `rules` must be specified',
    ],
    [
      'a path without its type',
      'ingresses',
      onPath({ path: '/' }),
      'spec.rules[0].http.paths[0].pathType: Required value',
    ],
    [
      'a path that is not absolute',
      'ingresses',
      onPath({ path: 'a', pathType: 'Prefix' }),
      'spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path',
    ],
    [
      'an unknown type of policy',
      'networkpolicies',
      policy({ policyTypes: ['Inward'] }),
      'spec.policyTypes[0]: Unsupported value: "Inward"',
    ],
    [
      'a network that is none',
      'networkpolicies',
      policy({ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0' } }] }] }),
      'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0"',
    ],
    [
      'a rule without verbs',
      'roles',
      { kind: 'Role', metadata: { name: 'r' }, rules: [{ apiGroups: [''], resources: ['pods'] }] },
      'rules[0].verbs: Required value',
    ],
    [
      'a binding of no role',
      'rolebindings',
      {
        kind: 'RoleBinding',
        metadata: { name: 'r' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Job', name: 'j' },
      },
      'roleRef.kind: Unsupported value: "Job"',
    ],
    [
      'an unknown access to a claim',
      'persistentvolumeclaims',
      {
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'p' },
        spec: { accessModes: ['ReadWrite'], resources: { requests: { storage: '1Gi' } } },
      },
      'spec.accessModes: Unsupported value: "ReadWrite"',
    ],
    [
      'a lease of no time',
      'leases',
      { kind: 'Lease', metadata: { name: 'l' }, spec: { leaseDurationSeconds: 0 } },
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
    ],
  ])('%s', async (_what, plural, object, message) => {
    const { code, body } = await dry(plural, object);

    expect([code, body.message]).toEqual([
      422,
      typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    ]);
    expect(body.reason).toBe('Invalid');
    expect(body.details.causes.length).toBeGreaterThan(0);
  });

  it('tells of every mistake at once', async () => {
    const { body } = await dry('deployments', deployment('d', { replicas: -1, template: template('other') }));

    expect(body.details.causes.length).toBeGreaterThanOrEqual(2);
    expect(body.message).toMatch(/^Deployment\.apps "d" is invalid: \[/);
  });

  it.each<[string, string, Json]>([
    ['text for a number', 'deployments', deployment('d', { replicas: 'three' })],
    ['a fraction for a whole number', 'deployments', deployment('d', { replicas: 1.5 })],
    ['a number beyond 32 bits', 'deployments', deployment('d', { replicas: 99_999_999_999 })],
    ['text for a boolean', 'pods', pod('p', 'a', { hostNetwork: 'no' })],
    ['a number for text', 'pods', env({ name: 'A', value: 1 })],
    ['text for a list', 'pods', withContainer({ command: 'ls' })],
    ['a list for an object', 'deployments', { ...deployment('d'), spec: [] }],
    ['a boolean for a port', 'pods', probe({ httpGet: { port: true } })],
    ['a quantity that is none', 'pods', withResources({ requests: { cpu: 'much' } })],
    ['a quantity that is a boolean', 'pods', withResources({ requests: { cpu: true } })],
    ['bytes that are no base64', 'configmaps', { ...configMap('c'), binaryData: { a: '***' } }],
    ['a time that is none', 'configmaps', configMap('c', {}, { creationTimestamp: 'yesterday' })],
    [
      'a time without its microseconds',
      'leases',
      { kind: 'Lease', metadata: { name: 'l' }, spec: { renewTime: '2026-01-01T00:00:00Z' } },
    ],
  ])('refuses %s with 400', async (_what, plural, object) => {
    const { code, body } = await dry(plural, object);

    expect([code, body.reason]).toEqual([400, 'BadRequest']);
    expect(body.message).toContain('cannot be handled as a');
  });

  it('takes a Service name that begins with a digit where Kubernetes does', async () => {
    const { code, body } = await dry('services', service('1s'));

    // Refused before 1.36, which has RelaxedServiceNameValidation on by default.
    const isRefused = code === 422 && String(body.message).includes('metadata.name: Invalid value: "1s"');
    expect(isRefused || code === 201).toBe(true);
  });

  it('drops a field that its type does not have', async () => {
    const { code, body } = await dry('pods', withContainer({ imagePullPolcy: 'Always' }));

    expect(code).toBe(201);
    expect(body.spec.containers[0]).not.toHaveProperty('imagePullPolcy');
  });

  it('refuses it with 400 when that is asked for', async () => {
    const { code, body } = await lab.post('pods', withContainer({ imagePullPolcy: 'Always' }), {
      dryRun: 'All',
      fieldValidation: 'Strict',
    });

    // Before 1.25 the API server does not know the parameter.
    expect(code === 201 || body.message).toEqual(
      code === 201 ? true : expect.stringContaining('unknown field "spec.containers[0].imagePullPolcy"'),
    );
  });

  it('takes a variable twice where it is not applied', async () => {
    const { code } = await dry('pods', env({ name: 'A', value: '1' }, { name: 'A', value: '2' }));

    expect(code).toBe(201);
  });

  it('takes empty texts for fields that have a default', async () => {
    const spec = { restartPolicy: '', dnsPolicy: '', containers: [container('a', { imagePullPolicy: '' })] };

    const { code, body } = await dry('pods', pod('p', '', spec));

    expect(code).toBe(201);
    expect(body.spec).toMatchObject({ restartPolicy: 'Always', dnsPolicy: 'ClusterFirst' });
  });
});

describe('what may not change', () => {
  it('the selector of a Deployment', async () => {
    await lab.create('deployments', deployment('fixed', { replicas: 0 }));

    const { code, body } = await lab.patch('deployments', 'fixed', {
      spec: {
        selector: { matchLabels: { app: 'moved' } },
        template: { metadata: { labels: { app: 'moved' } } },
      },
    });

    expect(code).toBe(422);
    expect(body.message).toContain('spec.selector: Invalid value');
    expect(body.message).toContain('field is immutable');
  });

  it('the template of a Job', async () => {
    await lab.create('jobs', job('fixed', 'true', { parallelism: 0 }));

    const { code, body } = await lab.patch(
      'jobs',
      'fixed',
      [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'x:1' }],
      'json',
    );

    expect(code).toBe(422);
    expect(body.message).toContain('spec.template: Invalid value');
    expect(body.message).toContain('field is immutable');
  });

  it('most of a StatefulSet', async () => {
    const set = {
      kind: 'StatefulSet',
      metadata: { name: 'fixed' },
      spec: {
        replicas: 0,
        serviceName: 'a',
        selector: { matchLabels: { app: 'fixed' } },
        template: template('fixed'),
      },
    };
    await lab.create('statefulsets', set);

    const { code, body } = await lab.patch('statefulsets', 'fixed', { spec: { serviceName: 'b' } });

    expect(code).toBe(422);
    expect(body.message).toMatch(/updates to statefulset spec for fields other than/);
  });

  it('a pod but for its images and a few fields more', async () => {
    await lab.create(
      'pods',
      pod('fixed', 'sleep 30', { nodeName: undefined, nodeSelector: { nowhere: 'at-all' } }),
    );

    const image = await lab.patch(
      'pods',
      'fixed',
      { spec: { containers: [{ name: 'main', image: 'busybox:other' }] } },
      'strategic',
    );
    const command = await lab.patch(
      'pods',
      'fixed',
      { spec: { containers: [{ name: 'main', command: ['true'] }] } },
      'strategic',
    );

    expect(image.code).toBe(200);
    expect(command.code).toBe(422);
    expect(command.body.message).toContain('pod updates may not change fields other than');
  });

  it('a volume claim that is not bound, but for nothing', async () => {
    const claim = {
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'fixed' },
      spec: {
        storageClassName: 'none',
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
      },
    };
    await lab.create('persistentvolumeclaims', claim);

    const { code } = await lab.patch('persistentvolumeclaims', 'fixed', {
      spec: { accessModes: ['ReadWriteMany'] },
    });

    expect(code).toBe(422);
  });
});

describe('defaults', () => {
  it.each<[string, string, Json, Json]>([
    [
      'a Deployment',
      'deployments',
      {
        kind: 'Deployment',
        metadata: { name: 'd' },
        spec: { selector: { matchLabels: { app: 'd' } }, template: template('d') },
      },
      {
        spec: {
          replicas: 1,
          revisionHistoryLimit: 10,
          progressDeadlineSeconds: 600,
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
        },
      },
    ],
    [
      'a pod',
      'pods',
      { kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'a', image: 'x:1' }] } },
      {
        spec: {
          restartPolicy: 'Always',
          terminationGracePeriodSeconds: 30,
          dnsPolicy: 'ClusterFirst',
          schedulerName: 'default-scheduler',
          securityContext: {},
          serviceAccountName: 'default',
          enableServiceLinks: true,
        },
        status: { phase: 'Pending', qosClass: 'BestEffort' },
      },
    ],
    [
      'a container',
      'pods',
      {
        kind: 'Pod',
        metadata: { name: 'p' },
        spec: { containers: [{ name: 'a', image: 'x:1', ports: [{ containerPort: 80 }] }] },
      },
      {
        spec: {
          containers: [
            {
              imagePullPolicy: 'IfNotPresent',
              terminationMessagePath: '/dev/termination-log',
              terminationMessagePolicy: 'File',
              resources: {},
              ports: [{ containerPort: 80, protocol: 'TCP' }],
            },
          ],
        },
      },
    ],
    [
      'the pull policy of latest',
      'pods',
      { kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'a', image: 'x' }] } },
      { spec: { containers: [{ imagePullPolicy: 'Always' }] } },
    ],
    [
      'a probe',
      'pods',
      probe({ httpGet: { port: 80 } }),
      {
        spec: {
          containers: [
            {
              readinessProbe: {
                httpGet: { port: 80, path: '/', scheme: 'HTTP' },
                timeoutSeconds: 1,
                periodSeconds: 10,
                successThreshold: 1,
                failureThreshold: 3,
              },
            },
          ],
        },
      },
    ],
    [
      'the requests from the limits',
      'pods',
      withResources({ limits: { cpu: '1', memory: '64Mi' } }),
      {
        spec: { containers: [{ resources: { requests: { cpu: '1', memory: '64Mi' } } }] },
        status: { qosClass: 'Guaranteed' },
      },
    ],
    [
      'volumes',
      'pods',
      pod('p', 'a', {
        volumes: [
          { name: 'c', configMap: { name: 'x' } },
          { name: 's', secret: { secretName: 'x' } },
          { name: 'h', hostPath: { path: '/x' } },
        ],
      }),
      {
        spec: {
          volumes: expect.arrayContaining([
            { name: 'c', configMap: { name: 'x', defaultMode: 420 } },
            { name: 's', secret: { secretName: 'x', defaultMode: 420 } },
            { name: 'h', hostPath: { path: '/x', type: '' } },
          ]),
        },
      },
    ],
    [
      'a Service',
      'services',
      service('s', { ports: [{ port: 80 }] }),
      {
        spec: {
          type: 'ClusterIP',
          sessionAffinity: 'None',
          ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
        },
      },
    ],
    ['a Job', 'jobs', job('j', 'true'), { spec: { parallelism: 1, completions: 1, backoffLimit: 6 } }],
    [
      'a Job as a work queue',
      'jobs',
      job('j', 'true', { parallelism: 3 }),
      { spec: { parallelism: 3, backoffLimit: 6 } },
    ],
    [
      'a StatefulSet',
      'statefulsets',
      {
        kind: 'StatefulSet',
        metadata: { name: 's' },
        spec: { serviceName: 's', selector: { matchLabels: { app: 's' } }, template: template('s') },
      },
      {
        spec: {
          replicas: 1,
          podManagementPolicy: 'OrderedReady',
          revisionHistoryLimit: 10,
          updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
        },
      },
    ],
    [
      'a DaemonSet',
      'daemonsets',
      {
        kind: 'DaemonSet',
        metadata: { name: 's' },
        spec: { selector: { matchLabels: { app: 's' } }, template: template('s') },
      },
      {
        spec: {
          revisionHistoryLimit: 10,
          updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
        },
      },
    ],
    [
      'a CronJob',
      'cronjobs',
      {
        kind: 'CronJob',
        metadata: { name: 'c' },
        spec: { schedule: '0 3 * * *', jobTemplate: { spec: job('j', 'true').spec } },
      },
      {
        spec: {
          concurrencyPolicy: 'Allow',
          suspend: false,
          successfulJobsHistoryLimit: 3,
          failedJobsHistoryLimit: 1,
        },
      },
    ],
    [
      'a claim',
      'persistentvolumeclaims',
      {
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'p' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
      { spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } },
    ],
  ])('of %s', async (_what, plural, object, expected) => {
    const { code, body } = await dry(plural, object);

    expect([code, body]).toMatchObject([201, expected]);
  });

  it.each([
    ['configmaps', 'binaryData', 1_048_576, 201],
    ['configmaps', 'binaryData', 1_048_577, 422],
    ['secrets', 'data', 1_048_576, 201],
    ['secrets', 'data', 1_048_577, 422],
  ])('%s may hold 1 MiB of %s, counted without base64: %i bytes', async (plural, part, bytes, expected) => {
    const kind = plural === 'secrets' ? 'Secret' : 'ConfigMap';
    const data = { [part]: { blob: Buffer.alloc(bytes).toString('base64') } };

    const { code } = await dry(plural, { apiVersion: 'v1', kind, metadata: { name: 'large' }, ...data });

    expect(code).toBe(expected);
  });

  it('the schema of a custom kind may name its properties as quantities are named', async () => {
    const property = { type: 'object', properties: { limits: { type: 'string' }, cpu: { type: 'string' } } };
    const schema = {
      type: 'object',
      properties: {
        resources: property,
        limits: property,
        requests: { type: 'string' },
        sizeLimit: property,
      },
    };
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'quotas.conformance.example.com' },
      spec: {
        group: 'conformance.example.com',
        scope: 'Namespaced',
        names: { kind: 'Quota', plural: 'quotas' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    };
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All';

    const { code, body } = await lab.wire.request('POST', path, { body: definition });

    expect(code).toBe(201);
    expect(body.spec.versions[0].schema.openAPIV3Schema).toEqual(schema);
  });

  it('a Job labels its pods with its own uid', async () => {
    const made = await lab.create('jobs', job('labelled', 'true', { parallelism: 0 }));

    const uid = made.metadata.uid as string;
    expect(Object.values(made.spec.selector.matchLabels)).toEqual([uid]);
    expect(made.spec.template.metadata.labels).toMatchObject({
      'controller-uid': uid,
      'job-name': 'labelled',
    });
  });

  it.each([
    [{}, {}, 'BestEffort'],
    [{ requests: { cpu: '1m' } }, {}, 'Burstable'],
    [{ limits: { cpu: '1m', memory: '9Mi' } }, { limits: { cpu: '1m', memory: '9Mi' } }, 'Guaranteed'],
    [{ limits: { cpu: '1m', memory: '9Mi' } }, {}, 'Burstable'],
  ])('containers with %j and %j are %s', async (first, second, expected) => {
    const { body } = await dry(
      'pods',
      pod('p', '', {
        containers: [container('a', { resources: first }), container('b', { name: 'b', resources: second })],
      }),
    );

    expect(body.status.qosClass).toBe(expected);
  });
});
