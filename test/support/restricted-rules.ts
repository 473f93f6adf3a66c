import { isFields, type Fields } from '../../src/base/fields.ts';

/**
 * The level `restricted` of the Pod Security Standards, with what `baseline` asks, a rule a line: what of a pod breaks it.
 * Written from https://kubernetes.io/docs/concepts/security/pod-security-standards/, not from what the agent's pod is.
 */
export function restrictedViolations(podSpec: Fields): string[] {
  const containers = ['initContainers', 'containers', 'ephemeralContainers'].flatMap((key) =>
    listOf(podSpec[key]),
  );
  const context = fieldsOf(podSpec['securityContext']);
  const everywhere = [context, ...containers.map((container) => fieldsOf(container['securityContext']))];
  return [
    ...['hostNetwork', 'hostPID', 'hostIPC'].filter((key) => podSpec[key] === true),
    ...listOf(podSpec['volumes']).flatMap(volumeViolations),
    ...(context['sysctls'] === undefined ? [] : ['sysctls']),
    ...everywhere.flatMap(contextViolations),
    ...containers.flatMap((container) => containerViolations(container, context)),
  ];
}

const volumeTypes =
  'configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret'.split(' ');

function volumeViolations(volume: Fields): string[] {
  return Object.keys(volume)
    .filter((key) => key !== 'name' && !volumeTypes.includes(key))
    .map((type) => `volume of type ${type}`);
}

/** What holds for the pod and for each container. */
function contextViolations(context: Fields): string[] {
  const { runAsUser, runAsNonRoot, seccompProfile, seLinuxOptions, appArmorProfile } = context;
  return [
    ...(runAsUser === 0 ? ['runAsUser: 0'] : []),
    ...(runAsNonRoot === false ? ['runAsNonRoot: false'] : []),
    ...(fieldsOf(seccompProfile)['type'] === 'Unconfined' ? ['seccomp Unconfined'] : []),
    ...(seLinuxOptions === undefined ? [] : ['seLinuxOptions']),
    ...(fieldsOf(appArmorProfile)['type'] === 'Unconfined' ? ['AppArmor Unconfined'] : []),
  ];
}

function containerViolations(container: Fields, pod: Fields): string[] {
  const own = fieldsOf(container['securityContext']);
  const { add = [], drop = [] } = fieldsOf(own['capabilities']) as { add?: string[]; drop?: string[] };
  const seccomp = fieldsOf(own['seccompProfile'] ?? pod['seccompProfile'])['type'];
  const broken: Record<string, boolean> = {
    privileged: own['privileged'] === true,
    allowPrivilegeEscalation: own['allowPrivilegeEscalation'] !== false,
    runAsNonRoot: (own['runAsNonRoot'] ?? pod['runAsNonRoot']) !== true,
    'capabilities.drop': !drop.includes('ALL'),
    'capabilities.add': add.some((name) => name !== 'NET_BIND_SERVICE'),
    seccompProfile: seccomp !== 'RuntimeDefault' && seccomp !== 'Localhost',
    hostPort: listOf(container['ports']).some(({ hostPort = 0 }) => hostPort !== 0),
    procMount: (own['procMount'] ?? 'Default') !== 'Default',
  };
  return Object.keys(broken).filter((rule) => broken[rule]);
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}
