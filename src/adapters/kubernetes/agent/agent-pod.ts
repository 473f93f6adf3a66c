import { defined } from '../../../base/defined.ts';
import type { AgentContainer, AgentService, AgentSpec, ServiceReadiness } from '../../../ports/agent.ts';
import type { Environment } from '../../../ports/secrets.ts';
import type { KubernetesObject } from '../../../ports/kubernetes-object.ts';
import { agentPodName, labelValue, labels } from './agent-names.ts';
import { checkControlVolumes, controlVolumeName } from './control-volumes.ts';
import { idleScript } from './container-scripts.ts';
import { scratchDirectory } from './step-script.ts';
import { strategicMerge } from './strategic-merge.ts';
import { containerSecurity, volumeSecurity } from './unprivileged.ts';

/** Where every container finds the workspace and the caches. */
export const workspaceDirectory = '/workspace';
export const cacheDirectory = '/cache';

/** A container without requests is the first to be evicted, and lets others be packed beside it without limit. */
const leastRequests = { cpu: '50m', memory: '64Mi' };

type Fields = Record<string, unknown>;

/** The name of the Secret that holds the secret variables of an agent's containers. */
export function environmentSecretName(podName: string): string {
  return `${podName}-env`;
}

/** The key of one container's variable in that Secret. */
export function environmentSecretKey(container: string, variable: string): string {
  return `${container}.${variable}`;
}

/** The agent pod of a run, as it is sent to Kubernetes. Pure. @throws InputError when the template undoes what keeps containers apart */
export function buildAgentPod(spec: AgentSpec): KubernetesObject {
  const name = agentPodName(spec);
  const base = {
    metadata: {
      name,
      namespace: spec.namespace,
      labels: {
        [labels.managedBy]: 'slipway',
        [labels.run]: labelValue(spec.runId),
        [labels.pipeline]: labelValue(spec.pipeline),
        [labels.agent]: labelValue(spec.name),
      },
      annotations: { 'kubectl.kubernetes.io/default-container': spec.containers[0].name },
    },
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: Math.max(1, Math.round(spec.deadlineSeconds)),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 10,
      securityContext: { seccompProfile: { type: 'RuntimeDefault' }, ...volumeSecurity(spec) },
      imagePullSecrets: spec.imagePullSecrets.map((secret) => ({ name: secret })),
      containers: [
        ...spec.containers.map((container) => stepContainer(container, spec)),
        ...spec.services.map((service) => serviceContainer(service, name)),
      ],
      volumes: [
        ...spec.containers.map((container) => ({ name: controlVolumeName(container.name), emptyDir: {} })),
        { name: 'workspace', emptyDir: {} },
        {
          name: 'cache',
          ...(spec.cacheClaim === undefined
            ? { emptyDir: {} }
            : { persistentVolumeClaim: { claimName: spec.cacheClaim } }),
        },
      ],
    },
  };
  const merged = strategicMerge(base, spec.podTemplate ?? {}) as { metadata: Fields; spec: Fields };
  checkControlVolumes(
    merged.spec,
    spec.containers.map((container) => container.name),
  );
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...merged.metadata,
      // A template may add to these, never take away what makes the pod ours.
      name,
      namespace: spec.namespace,
      labels: { ...(merged.metadata['labels'] as Record<string, string>), ...base.metadata.labels },
      ...(spec.owner === undefined
        ? {}
        : { ownerReferences: [{ ...spec.owner, controller: true, blockOwnerDeletion: false }] }),
    },
    spec: { ...withLastLines(merged.spec), restartPolicy: 'Never' },
  };
}

/** The pod is gone with its logs when somebody looks for why a container failed: the kubelet keeps the last lines. */
function withLastLines(spec: Fields): Fields {
  const kept = ['initContainers', 'containers'].flatMap((key) => {
    const containers = spec[key];
    if (!Array.isArray(containers)) return [];
    return [
      [
        key,
        containers.map((container: Fields) => ({
          terminationMessagePolicy: 'FallbackToLogsOnError',
          ...container,
        })),
      ],
    ];
  });
  return { ...spec, ...(Object.fromEntries(kept) as Fields) };
}

/** Whether the cache folder outlives the pod: it is on a claim, or on a volume of the template's. */
export function keepsCache({
  cacheClaim,
  podTemplate,
}: Pick<AgentSpec, 'cacheClaim' | 'podTemplate'>): boolean {
  if (cacheClaim !== undefined) return true;
  const spec = podTemplate?.['spec'] as { volumes?: { name?: string }[] } | null | undefined;
  return Array.isArray(spec?.volumes) && spec.volumes.some(({ name }) => name === 'cache');
}

function stepContainer(container: AgentContainer, spec: AgentSpec): Fields {
  return {
    ...common(container, agentPodName(spec)),
    ...defined({ securityContext: containerSecurity(container, spec) }),
    command: ['/bin/sh', '-c', literal(idleScript), 'slipway', container.name],
    workingDir: workspaceDirectory,
    volumeMounts: [
      { name: controlVolumeName(container.name), mountPath: scratchDirectory },
      { name: 'workspace', mountPath: workspaceDirectory },
      { name: 'cache', mountPath: cacheDirectory },
    ],
  };
}

function serviceContainer(service: AgentService, podName: string): Fields {
  return {
    ...common(service, podName),
    ...defined({ command: service.command, args: service.args }),
    ...(service.ready === undefined
      ? {}
      : {
          readinessProbe: {
            ...probe(service.ready),
            periodSeconds: 1,
            timeoutSeconds: 5,
            failureThreshold: 600,
          },
        }),
    ...(service.privileged === true ? { securityContext: { privileged: true } } : {}),
    volumeMounts: [{ name: 'workspace', mountPath: workspaceDirectory }],
  };
}

function common(container: AgentContainer, podName: string): Fields {
  const { requests, limits } = container.resources ?? {};
  return {
    name: container.name,
    image: container.image,
    ...defined({ imagePullPolicy: container.imagePullPolicy }),
    env: variables(container.name, container.env, podName),
    resources: {
      // A limit without a request is a request of the same size already.
      requests: { ...withoutKeys(leastRequests, limits ?? {}), ...requests },
      ...defined({ limits }),
    },
  };
}

function variables(container: string, env: Environment, podName: string): Fields[] {
  return Object.entries(env).map(([name, value]) => {
    switch (value.type) {
      case 'plain':
        return { name, value: literal(value.value) };
      case 'secret': {
        const key = environmentSecretKey(container, name);
        return { name, valueFrom: { secretKeyRef: { name: environmentSecretName(podName), key } } };
      }
    }
  });
}

/** Kubernetes expands $(NAME) and $$ in arguments and values of variables. */
function literal(text: string): string {
  return text.replaceAll('$', '$$$$'); // each $ becomes two
}

function probe(ready: ServiceReadiness): Fields {
  if ('tcp' in ready) return { tcpSocket: { port: ready.tcp } };
  if ('http' in ready) return { httpGet: { port: ready.http.port, path: ready.http.path } };
  return { exec: { command: ready.exec } };
}

function withoutKeys(fields: Record<string, string>, keys: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !(key in keys)));
}
