import { stringify } from 'yaml';
import { stageDefinitions } from '../../../src/app/stage-definitions.ts';
import { bindNamespace, compilePlan } from '../../../src/plan/compile-plan.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { parsePolicy } from '../../../src/policy/parse-policy.ts';
import type { Policy } from '../../../src/policy/policy.ts';
import type { RuleName } from '../../../src/policy/rules.ts';
import { requirePipeline } from '../../../src/spec/parse-pipeline.ts';
import type { Pipeline } from '../../../src/spec/pipeline.ts';

/** What is known around the files of these tests. */
export const around = {
  directory: '/builds/shop',
  absolute: (file: string) => new URL(file, 'file:///builds/shop/').pathname,
  ownImage: 'slipway/agent:1',
};

/** A policy that names one limit. */
export function policyOf(rule: RuleName, limit: unknown): Policy {
  const nested = rule.split('.').reduceRight<unknown>((value, key) => ({ [key]: value }), limit);
  return policyFrom(nested as object);
}

export function policyFrom(limits: object): Policy {
  const head = { apiVersion: 'slipway.dev/v1', kind: 'Policy', name: 'forks' };
  return parsePolicy('policy.yaml', stringify({ ...head, ...limits }));
}

/** A valid pipeline with the given parts; parameter `x` is there for expressions. */
export function pipelineOf(part: object, x = ''): Pipeline {
  const head = { apiVersion: 'slipway.dev/v1', kind: 'Pipeline', name: 'shop' };
  const rest = { parameters: { x: { type: 'string', default: x } }, stages: [{ name: 'a', run: 'true' }] };
  const text = stringify({ ...head, ...rest, ...part });
  return requirePipeline({ file: 'app.yaml', text, definitions: stageDefinitions }).pipeline;
}

export function planOf(pipeline: Pipeline): Plan {
  const inputs = { parameters: {}, trigger: {}, defaultAgentImage: around.ownImage };
  return bindNamespace(compilePlan(pipeline, { ...inputs, definitions: stageDefinitions }), 'ci');
}

/** Something that a rule limits. */
export interface PolicyCase {
  rule: RuleName;
  /** What the policy says. */
  limit: unknown;
  /** The part of a pipeline file that reaches for a value. */
  part: (value: string) => object;
  good: readonly string[];
  bad: readonly string[];
  /** Whether the value may be an expression over parameters. */
  expression: boolean;
}

const stage = (fields: object) => ({
  stages: [
    { name: 'a', run: 'true' },
    { name: 's', ...fields },
  ],
});
const container = (fields: object) => ({ name: 'main', ...fields });
const template = (spec: object) => ({ agent: { podTemplate: { spec } } });
const withContainer = (fields: object) => template({ containers: [container(fields)] });
const image = (more: object) =>
  stage({ image: { repository: 'harbor.example.com/shop/web', builder: 'layers', ...more } });

/** For each rule that a pipeline file can break by itself. */
export const policyCases: readonly PolicyCase[] = [
  {
    rule: 'secrets.env',
    limit: ['CI_*'],
    part: (env) => ({ secrets: { s: { env } } }),
    good: ['CI_TOKEN'],
    bad: ['HOME', 'AWS_SECRET', 'XCI_TOKEN'],
    expression: false,
  },
  {
    rule: 'secrets.files',
    limit: ['/run/secrets/*'],
    part: (file) => ({ secrets: { s: { file } } }),
    good: ['/run/secrets/token', '/run/secrets/../secrets/token'],
    bad: ['/etc/passwd', '/run/secrets/../../etc/passwd', 'token', '/run/secrets/deep/token'],
    expression: false,
  },
  {
    rule: 'secrets.kubernetes',
    limit: ['ci/registry', 'shop/*'],
    part: (name) => ({
      secrets: { s: { kubernetes: { name: name.split('/')[1], namespace: name.split('/')[0] } } },
    }),
    good: ['ci/registry', 'shop/any'],
    bad: ['ci/other', 'kube-system/registry'],
    expression: false,
  },
  {
    rule: 'checkout.urls',
    limit: ['https://git.example.com/shop/**', 'ssh://git.example.com/**', 'file:///builds/**'],
    part: (url) => stage({ checkout: { url } }),
    good: [
      'https://git.example.com/shop/web.git',
      'https://me@GIT.example.com/shop/x/../web',
      'https://git.example.com:443/shop/web/',
      'git@git.example.com:any/thing.git',
      'https://git.example.com/shop/%77eb.git',
      'file:///builds/%6cib',
      'ssh://git@git.example.com/any',
      '../lib',
    ],
    bad: [
      'https://git.example.com/other/web.git',
      'http://git.example.com/shop/web.git',
      'https://git.example.com/shop/../other/web.git',
      'https://git.example.com/shop/%2e%2e/other/web.git',
      'https://git.example.com/shop/..%2fother/web.git',
      'https://git.example.com/shop%2fweb.git',
      'https://git.example.com\\@evil.example/../shop/web.git',
      'https://git.exam\tple.com/shop/web.git',
      'https://git.example.com/shop/web.git#@evil.example/x',
      'https://git.example.com@evil.example/shop/web.git',
      'https://git.example.com:8443/shop/web.git',
      'https://git.example.com.evil.example/shop/web.git',
      'git@evil.example:shop/web.git',
      'git@git.example.com:%61ny/thing.git',
      'git@[::1]:any/thing.git',
      'git@git.example.com://any/thing.git',
      'git.example.com:any/thing.git',
      'https://evil.example@git.example.com@git.example.com/shop/web.git',
      'https://git%2eexample.com/shop/web.git',
      'https://git.example.com/shop/%252e%252e/other/web.git',
      'https://git.example.com/shop/%E0%A4%A',
      'https://git.example.com./shop/web.git',
      'ext::sh -c true',
      'ext::ssh://git.example.com/any',
      'git://git.example.com/shop/web.git',
      'file:etc',
      'file:/etc',
      'file://localhost/etc',
      'FILE:///etc',
      'file:///builds/%2e%2e/etc',
      'file:///etc',
      'file:///builds/../etc',
      '../../../etc',
    ],
    expression: true,
  },
  {
    rule: 'agent.namespaces',
    limit: ['ci-*'],
    part: (namespace) => ({ agent: { namespace } }),
    good: ['ci-forks'],
    bad: ['kube-system', 'ci'],
    expression: false,
  },
  {
    rule: 'agent.images',
    limit: ['docker.io/library/*', 'harbor.example.com/ci/**'],
    part: (name) => ({ agent: { containers: { main: { image: name } } } }),
    good: [
      'node',
      'node:24',
      'docker.io/node',
      'index.docker.io/library/node:24',
      'harbor.example.com/ci/a/b:1',
      `node@sha256:${'0'.repeat(64)}`,
    ],
    bad: [
      'evil/miner',
      'harbor.example.com/ci/../other/x',
      'harbor.example.com/ci/./x',
      'harbor.example.com/ci//x',
      'harbor.example.com/ci/X',
      'harbor.example.com@evil.example/ci/x',
      'node@sha256:00@evil/miner',
      'docker.io/library/../evil/miner',
      'registry-1.docker.io/evil/miner',
      'DOCKER.IO/evil/miner',
      'https://harbor.example.com/ci/x',
      'harbor.example.com./ci/x',
      'evil.example/node',
      'harbor.example.com/other/x',
      'harbor.example.com:8443/ci/x',
      'no image',
    ],
    expression: true,
  },
  {
    rule: 'agent.images',
    limit: ['docker.io/library/node:24', 'docker.io/library/jdk@sha256:*'],
    part: (name) => withContainer({ image: name }),
    good: ['node:24', `jdk@sha256:${'0'.repeat(64)}`],
    bad: ['node:23', 'node', 'jdk:24'],
    expression: true,
  },
  {
    rule: 'agent.images',
    limit: ['docker.io/library/*'],
    part: (name) => ({ agent: { services: { db: { image: name } } } }),
    good: ['postgres:17'],
    bad: ['evil/postgres'],
    expression: true,
  },
  {
    rule: 'agent.claims',
    limit: ['fork-*'],
    part: (claim) => ({ agent: { cache: { claim } } }),
    good: ['fork-cache'],
    bad: ['cache'],
    expression: false,
  },
  {
    rule: 'agent.claims',
    limit: ['fork-*'],
    part: (claimName) => template({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] }),
    good: ['fork-cache'],
    bad: ['cache'],
    expression: true,
  },
  {
    rule: 'agent.privileged',
    limit: false,
    part: (value) => withContainer({ securityContext: JSON.parse(value) as object }),
    good: [
      '{"privileged": false}',
      '{"runAsUser": 1}',
      '{"seccompProfile": {"type": "RuntimeDefault"}}',
      '{"seLinuxOptions": {"type": "container_t", "level": "s0:c1"}}',
    ],
    bad: [
      '{"privileged": true}',
      '{"privileged": "true"}',
      '{"privileged": "${{ params.x }}"}',
      '{"procMount": "Unmasked"}',
      '{"seccompProfile": {"type": "Unconfined"}}',
      '{"appArmorProfile": {"type": "Unconfined"}}',
      '{"windowsOptions": {"hostProcess": true}}',
      '{"seccompProfile": {"$patch": "replace"}}',
      '{"seLinuxOptions": {"type": "spc_t"}}',
      '{"seLinuxOptions": {"user": "system_u"}}',
      '{"seLinuxOptions": "spc_t"}',
    ],
    expression: false,
  },
  {
    rule: 'agent.privileged',
    limit: false,
    part: (value) => ({
      agent: { services: { docker: { image: 'docker:dind', privileged: value === 'yes' } } },
    }),
    good: ['no'],
    bad: ['yes'],
    expression: false,
  },
  {
    rule: 'agent.privileged',
    limit: false,
    part: (value) => ({ agent: { podTemplate: JSON.parse(value) as object } }),
    good: [
      '{"spec": {"securityContext": {"runAsUser": 1}}}',
      '{"spec": {"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]}}}',
      '{"metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/main": "runtime/default"}}}',
      '{"metadata": {"annotations": {"team": "unconfined"}}}',
    ],
    bad: [
      '{"spec": {"initContainers": [{"name": "i", "securityContext": {"privileged": true}}]}}',
      '{"spec": {"ephemeralContainers": [{"name": "i", "securityContext": {"privileged": true}}]}}',
      '{"spec": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}}',
      '{"spec": {"securityContext": {"seccompProfile": null}}}',
      '{"spec": {"securityContext": {"$patch": "replace"}}}',
      '{"spec": {"securityContext": null}}',
      '{"spec": {"$patch": "replace"}}',
      '{"spec": null}',
      '{"$patch": "replace"}',
      '{"spec": {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}}',
      '{"spec": {"securityContext": {"sysctls": ["kernel.msgmax"]}}}',
      '{"metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/main": "unconfined"}}}',
      '{"metadata": {"annotations": {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}}}',
      '{"metadata": {"annotations": {"container.seccomp.security.alpha.kubernetes.io/main": "unconfined"}}}',
    ],
    expression: false,
  },
  {
    rule: 'agent.hostNamespaces',
    limit: ['pid'],
    part: (fields) => withContainer(JSON.parse(fields) as object),
    good: ['{"livenessProbe": {"httpGet": {"port": 80}}}', '{"lifecycle": {"preStop": {"exec": {}}}}'],
    bad: [
      '{"livenessProbe": {"httpGet": {"host": "169.254.169.254", "port": 80}}}',
      '{"readinessProbe": {"tcpSocket": {"host": "127.0.0.1", "port": 10250}}}',
      '{"startupProbe": {"httpGet": {"host": "127.0.0.1", "port": 80}}}',
      '{"lifecycle": {"postStart": {"httpGet": {"host": "127.0.0.1", "port": 80}}}}',
      '{"lifecycle": {"preStop": {"tcpSocket": {"host": "127.0.0.1", "port": 80}}}}',
    ],
    expression: false,
  },
  {
    rule: 'agent.hostNamespaces',
    limit: ['ipc'],
    part: (field) => template({ [field]: true }),
    good: ['hostIPC'],
    bad: ['hostNetwork', 'hostPID'],
    expression: false,
  },
  {
    rule: 'agent.hostNamespaces',
    limit: ['pid'],
    part: (port) =>
      withContainer({ ports: [{ containerPort: 80, ...(port === '' ? {} : { hostPort: port }) }] }),
    good: [''],
    bad: ['80'],
    expression: false,
  },
  {
    rule: 'agent.hostPaths',
    limit: ['/var/cache/**'],
    part: (path) => template({ volumes: [{ name: 'v', hostPath: { path } }] }),
    good: ['/var/cache/ci', '/var//cache/ci/'],
    bad: ['/', '/var/cache/../run', '/var/run/docker.sock'],
    expression: true,
  },
  {
    rule: 'agent.volumes',
    limit: ['emptyDir', 'configMap'],
    part: (kind) => template({ volumes: [{ name: 'v', [kind]: {} }] }),
    good: ['emptyDir', 'configMap'],
    bad: ['hostPath', 'csi', 'nfs', 'iscsi', 'flexVolume', 'projected', 'ephemeral', 'image', 'newKind'],
    expression: false,
  },
  {
    rule: 'agent.serviceAccounts',
    limit: ['builder'],
    part: (serviceAccountName) => template({ serviceAccountName }),
    good: ['builder'],
    bad: ['admin', 'default'],
    expression: true,
  },
  {
    rule: 'agent.serviceAccounts',
    limit: ['builder'],
    part: (spec) => template(JSON.parse(spec) as object),
    good: ['{"automountServiceAccountToken": false}', '{}'],
    bad: [
      '{"automountServiceAccountToken": true}',
      '{"automountServiceAccountToken": null}',
      '{"$patch": "replace"}',
      '{"volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}',
    ],
    expression: false,
  },
  {
    rule: 'agent.serviceAccounts',
    limit: ['builder'],
    part: (value) => ({ agent: { podTemplate: JSON.parse(value) as object } }),
    good: ['{"spec": {"serviceAccountName": "builder", "automountServiceAccountToken": true}}'],
    bad: ['{"$patch": "replace"}', '{"spec": null}', '{"spec": {"serviceAccount": "admin"}}'],
    expression: false,
  },
  {
    rule: 'agent.images',
    limit: ['docker.io/library/*'],
    part: (reference) => template({ volumes: [{ name: 'v', image: { reference } }] }),
    good: ['node:24'],
    bad: ['evil/data:1'],
    expression: true,
  },
  {
    rule: 'agent.hostNamespaces',
    limit: ['network'],
    part: (field) => template({ [field]: true }),
    good: ['hostNetwork'],
    bad: ['hostIPC', 'hostPID'],
    expression: false,
  },
  {
    rule: 'agent.capabilities',
    limit: ['NET_BIND_SERVICE'],
    part: (name) => withContainer({ securityContext: { capabilities: { add: [name] } } }),
    good: ['NET_BIND_SERVICE', 'CAP_NET_BIND_SERVICE'],
    bad: ['SYS_ADMIN', 'ALL', 'cap_sys_admin'],
    expression: false,
  },
  {
    rule: 'agent.podTemplate.allow',
    limit: ['spec.tolerations', 'spec.containers.*.resources', 'spec.containers.*.name'],
    part: (path) => ({ agent: { podTemplate: nested(path.split('.')) } }),
    good: ['spec.tolerations.0.key', 'spec.containers.0.resources.limits.cpu'],
    bad: ['spec.nodeName', 'spec.containers.0.image', 'metadata.labels.x', 'spec'],
    expression: false,
  },
  {
    rule: 'agent.podTemplate.deny',
    limit: ['spec.nodeName', 'metadata'],
    part: (path) => ({ agent: { podTemplate: nested(path.split('.')) } }),
    good: ['spec.tolerations', 'spec.nodeSelector.x'],
    bad: ['spec.nodeName', 'metadata.labels.x'],
    expression: false,
  },
  {
    rule: 'secrets.kubernetes',
    limit: ['ci/ours'],
    part: (name) => template({ volumes: [{ name: 'v', projected: { sources: [{ secret: { name } }] } }] }),
    good: ['ours'],
    bad: ['theirs'],
    expression: true,
  },
  {
    rule: 'secrets.kubernetes',
    limit: ['ci/ours'],
    part: (spec) => template(JSON.parse(spec) as object),
    good: ['{"volumes": [{"name": "v", "secret": {"secretName": "ours"}}]}'],
    bad: [
      '{"volumes": [{"name": "v", "secret": {"secretName": "theirs"}}]}',
      '{"volumes": [{"name": "v", "azureFile": {"secretName": "theirs"}}]}',
      '{"volumes": [{"name": "v", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "theirs"}}}]}',
      '{"volumes": [{"name": "v", "flexVolume": {"driver": "d", "secretRef": {"name": "theirs"}}}]}',
      '{"volumes": [{"name": "v", "iscsi": {"secretRef": {"name": "theirs"}}}]}',
      '{"imagePullSecrets": [{"name": "theirs"}]}',
      '{"containers": [{"name": "main", "envFrom": [{"secretRef": {"name": "theirs"}}]}]}',
      '{"initContainers": [{"name": "i", "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "k"}}}]}]}',
    ],
    expression: false,
  },
  {
    rule: 'image.repositories',
    limit: ['harbor.example.com/forks/**'],
    part: (repository) => image({ repository }),
    good: ['harbor.example.com/forks/web'],
    bad: [
      'harbor.example.com/shop/web',
      'evil.example/forks/web',
      'harbor.example.com/forks',
      'harbor.example.com/shop/forks/web',
    ],
    expression: true,
  },
  {
    rule: 'image.repositories',
    limit: ['harbor.example.com/shop/**'],
    part: (name) => image({ cacheFrom: [name] }),
    good: ['harbor.example.com/shop/web:cache'],
    bad: ['evil.example/web'],
    expression: true,
  },
  {
    rule: 'image.engines',
    limit: ['tcp://docker.example.com:2376'],
    part: (host) => image({ builder: 'docker', docker: { host } }),
    good: ['tcp://docker.example.com:2376'],
    bad: ['unix:///var/run/docker.sock', 'tcp://10.0.0.1:2375'],
    expression: true,
  },
  {
    rule: 'image.engines',
    limit: ['tcp://docker.example.com:2376'],
    part: (builder) => image({ builder }),
    good: ['layers'],
    bad: ['auto', 'docker'],
    expression: false,
  },
  {
    rule: 'deploy.namespaces',
    limit: ['shop-*'],
    part: (namespace) => stage({ deploy: { manifests: 'k8s/*.yaml', namespace } }),
    good: ['shop-pr'],
    bad: ['shop', 'kube-system'],
    expression: true,
  },
  {
    rule: 'deploy.images',
    limit: ['harbor.example.com/**'],
    part: (name) => stage({ deploy: { manifests: 'k8s/*.yaml', images: { web: name } } }),
    good: ['harbor.example.com/shop/web:1'],
    bad: ['evil.example/web:1'],
    expression: true,
  },
  {
    rule: 'verify.hosts',
    limit: ['web.shop', '*.example.com:443'],
    part: (host) => stage({ verify: { http: { url: `https://${host}/healthz` } } }),
    good: ['web.shop', 'WEB.shop:8443', 'a.example.com', 'a.example.com:443'],
    bad: ['169.254.169.254', 'a.example.com:8443', 'web.shop.evil.example'],
    expression: false,
  },
  {
    rule: 'verify.hosts',
    limit: ['db.shop:5432'],
    part: (host) => stage({ verify: { tcp: { host, port: 5432 } } }),
    good: ['db.shop', 'DB.shop.'],
    bad: ['localhost', 'db.shop:5432', 'db.shop@evil.example', '2130706433'],
    expression: true,
  },
  {
    rule: 'verify.hosts',
    limit: ['*.shop', '::1'],
    part: (host) => stage({ verify: { tcp: { host, port: 80 } } }),
    good: ['web.shop', '::1', '[::1]'],
    bad: ['::1%x.shop', '::ffff:169.254.169.254%x.shop', 'evil.example/.shop', 'evil.example#.shop', '::2'],
    expression: true,
  },
  {
    rule: 'verify.hosts',
    limit: ['*.shop', '127.0.0.1:80', '::1'],
    part: (url) => stage({ verify: { http: { url } } }),
    good: ['http://web.shop', 'http://2130706433/', 'http://[::1]:8080/', 'http://evil.example@web.shop/'],
    bad: [
      'http://web.shop@evil.example/',
      'http://0xa9fea9fe/',
      'http://[::ffff:127.0.0.1]/',
      'http://evil.example\\.shop/',
      'http://evil.example?.shop/',
      'http://127.0.0.1:81/',
    ],
    expression: true,
  },
  {
    rule: 'verify.hosts',
    limit: ['*.shop', '127.0.0.1:80'],
    part: (url) => stage({ deploy: { manifests: 'k8s/*.yaml', analyses: { smoke: { http: { url } } } } }),
    good: ['http://web.shop/healthz', 'http://127.0.0.1/'],
    bad: ['http://169.254.169.254/', 'http://127.0.0.1:81/'],
    expression: true,
  },
  {
    rule: 'verify.hosts',
    limit: ['prometheus.monitoring:9090'],
    part: (address) => {
      const errors = { prometheus: { address, query: 'x' }, success: 'result[0] < 1' };
      return stage({ deploy: { manifests: 'k8s/*.yaml', analyses: { errors } } });
    },
    good: ['http://prometheus.monitoring:9090', 'http://prometheus.monitoring:9090/below'],
    bad: ['http://prometheus.monitoring', 'http://prometheus.evil.example:9090'],
    expression: true,
  },
  {
    rule: 'deploy.images',
    limit: ['registry.example.com/shop/**'],
    part: (image) => analysisJob({ containers: [{ name: 'smoke', image }] }),
    good: ['registry.example.com/shop/smoke:1'],
    bad: ['registry.example.com/other/smoke:1', 'smoke'],
    expression: true,
  },
  {
    rule: 'deploy.serviceAccounts',
    limit: ['smoke'],
    part: (serviceAccountName) =>
      analysisJob({ serviceAccountName, containers: [{ name: 'smoke', image: 'smoke:1' }] }),
    good: ['smoke'],
    bad: ['admin'],
    expression: true,
  },
];

/** A deploy stage with an analysis that runs a Job. */
function analysisJob(spec: object): ReturnType<typeof stage> {
  const smoke = { job: { template: { spec } } };
  return stage({ deploy: { manifests: 'k8s/*.yaml', analyses: { smoke } } });
}

function nested([key = '', ...rest]: readonly string[]): object {
  const value: unknown = rest.length === 0 ? {} : nested(rest);
  if (rest[0] === '0') return { [key]: [nested(rest.slice(1))] };
  return key === 'spec' || rest.length > 0 ? { [key]: value } : { [key]: 'x' };
}

/** A manifest's object with a pod of this specification. */
export function deployment(spec: object, namespace = 'shop') {
  return {
    location: 'k8s/web.yaml:1',
    object: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace },
      spec: { template: { spec: { containers: [{ name: 'web', image: 'web:1' }], ...spec } } },
    },
  };
}
