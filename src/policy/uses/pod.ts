import { isFields, type Fields } from '../../base/fields.ts';
import type { Use } from '../policy.ts';
import { imageSpellings, spellingsOf, type Known } from './spellings.ts';

type Path = Use['path'];

/** Whose pod it is, where it stands, and what is known of its values. */
export interface PodPlace {
  group: 'agent' | 'deploy';
  path: Path;
  known: Known;
}

/**
 * What a pod's specification reaches beyond an ordinary pod: images, the node, service accounts. The fields are those of
 * the Pod Security Standards: https://kubernetes.io/docs/concepts/security/pod-security-standards/
 * Whatever a field holds that is not plainly harmless counts, so that a value of another type does not pass.
 */
export function podUses(spec: unknown, place: PodPlace): Use[] {
  if (!isFields(spec)) return [];
  const { path } = place;
  const containers = ['containers', 'initContainers', 'ephemeralContainers'].flatMap((key) =>
    itemsOf(spec[key]).flatMap(({ item, index }) =>
      containerUses(item, { ...place, path: [...path, key, index] }),
    ),
  );
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).flatMap((key) =>
    isOff(spec[key]) ? [] : [use('hostNamespaces', key.slice(4).toLowerCase(), inside(place, key))],
  );
  const volumes = itemsOf(spec['volumes']).flatMap(({ item, index }) =>
    volumeUses(item, inside(place, 'volumes', index)),
  );
  const accounts = ['serviceAccountName', 'serviceAccount'].flatMap((key) => {
    const name = spec[key];
    return typeof name === 'string' && name !== '' ? [use('serviceAccounts', name, inside(place, key))] : [];
  });
  return [
    ...containers,
    ...contextUses(spec['securityContext'], inside(place, 'securityContext')),
    ...shared,
    ...volumes,
    ...accounts,
  ];
}

function containerUses(container: Fields, place: PodPlace): Use[] {
  const { image } = container;
  const images = typeof image === 'string' ? [imageUse(image, inside(place, 'image'))] : [];
  const ports = itemsOf(container['ports']).flatMap(({ item, index }) =>
    isOff(item['hostPort']) || item['hostPort'] === 0
      ? []
      : [use('hostNamespaces', 'network', inside(place, 'ports', index, 'hostPort'))],
  );
  return [
    ...images,
    ...ports,
    ...probeUses(container, place),
    ...contextUses(container['securityContext'], inside(place, 'securityContext')),
  ];
}

/** The kubelet asks probes and hooks from the node's network; one that names a host asks that instead of the pod. */
function probeUses(container: Fields, place: PodPlace): Use[] {
  const { lifecycle } = container;
  const hooks = isFields(lifecycle) ? lifecycle : {};
  const asked: [Path, unknown][] = [
    ...['livenessProbe', 'readinessProbe', 'startupProbe'].map((key): [Path, unknown] => [
      [key],
      container[key],
    ]),
    ...['postStart', 'preStop'].map((key): [Path, unknown] => [['lifecycle', key], hooks[key]]),
  ];
  return asked.flatMap(([at, probe]) =>
    ['httpGet', 'tcpSocket'].flatMap((key) => {
      const action = isFields(probe) ? probe[key] : undefined;
      const host = isFields(action) ? action['host'] : undefined;
      return isOff(host) || host === ''
        ? []
        : [use('hostNamespaces', 'network', inside(place, ...at, key, 'host'))];
    }),
  );
}

/** What older annotations of a pod turn off, as its securityContext does. */
export function annotationUses(annotations: unknown, place: PodPlace): Use[] {
  if (!isFields(annotations)) return [];
  return Object.entries(annotations)
    .filter(([key]) =>
      /^(container\.)?(apparmor\.security\.beta|seccomp\.security\.alpha)\.kubernetes\.io\//.test(key),
    )
    .filter(
      ([, value]) =>
        value !== null &&
        !(typeof value === 'string' && /^((runtime|docker)\/default$|localhost\/)/.test(value)),
    )
    .map(([key]) => use('privileged', key, inside(place, key)));
}

/** An image that runs. */
export function imageUse(image: string, { group, path, known }: PodPlace): Use {
  const values = spellingsOf(image, known, imageSpellings);
  return { rule: `${group}.images`, shown: image, values, path };
}

/** `securityContext` of a pod or a container. */
function contextUses(context: unknown, place: PodPlace): Use[] {
  if (!isFields(context)) return [];
  const isHarmless: Record<string, (value: unknown) => boolean> = {
    privileged: isOff,
    procMount: (value) => isOff(value) || value === 'Default',
    seccompProfile: isConfined,
    appArmorProfile: isConfined,
    windowsOptions: (value) => isOff(value) || (isFields(value) && isOff(value['hostProcess'])),
    seLinuxOptions: isPlainLabel,
    sysctls: (value) =>
      isOff(value) ||
      (Array.isArray(value) && value.every((item: unknown) => isFields(item) && isSafeSysctl(item['name']))),
  };
  const privileged = Object.entries(isHarmless).flatMap(([key, harmless]) =>
    harmless(context[key]) ? [] : [use('privileged', key, inside(place, key))],
  );
  const { capabilities } = context;
  const added: unknown = isFields(capabilities) ? capabilities['add'] : undefined;
  return [
    ...privileged,
    ...(Array.isArray(added) ? added : []).map((name: unknown, index) =>
      use(
        'capabilities',
        String(name).toUpperCase().replace(/^CAP_/, ''),
        inside(place, 'capabilities', 'add', index),
      ),
    ),
  ];
}

function isConfined(profile: unknown): boolean {
  if (isOff(profile)) return true;
  return isFields(profile) && ['RuntimeDefault', 'Localhost'].includes(String(profile['type']));
}

/** A user, a role or another type (`spc_t`) may lie outside of what SELinux holds containers to. */
function isPlainLabel(label: unknown): boolean {
  if (isOff(label)) return true;
  if (!isFields(label)) return false;
  const { type, user, role } = label;
  const isNone = (value: unknown) => isOff(value) || value === '';
  const isContainer = /^container_(t|init_t|kvm_t|engine_t)$/.test(String(type));
  return isNone(user) && isNone(role) && (isNone(type) || isContainer);
}

/** Those that count for the pod alone. */
const safeSysctls = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_syncookies',
]);

function isSafeSysctl(name: unknown): boolean {
  return typeof name === 'string' && safeSysctls.has(name);
}

/** A volume of a pod, or what a PersistentVolume is made of. */
export function volumeUses(volume: Fields, place: PodPlace): Use[] {
  return Object.entries(volume)
    .filter(([key, value]) => key !== 'name' && !key.startsWith('$') && value !== null)
    .flatMap(([kind, source]) => {
      const at = inside(place, kind);
      const uses = [use('volumes', kind, at)];
      const { path, reference, claimName } = isFields(source) ? source : {};
      if (kind === 'hostPath' || kind === 'local') uses.push(hostPathUse(String(path), inside(at, 'path')));
      if (kind === 'image' && typeof reference === 'string')
        uses.push(imageUse(reference, inside(at, 'reference')));
      if (kind === 'persistentVolumeClaim' && place.group === 'agent')
        uses.push(claimUse(String(claimName), inside(at, 'claimName')));
      return uses;
    });
}

function hostPathUse(path: string, place: PodPlace): Use {
  const values = spellingsOf(path, place.known, (value) =>
    value.split('/').includes('..')
      ? []
      : [
          `/${value
            .split('/')
            .filter((name) => !['', '.'].includes(name))
            .join('/')}`,
        ],
  );
  return { rule: `${place.group}.hostPaths`, shown: path, values, path: place.path };
}

/** A volume that outlives the run. */
export function claimUse(name: string, { path, known }: Omit<PodPlace, 'group'>): Use {
  return { rule: 'agent.claims', shown: name, values: spellingsOf(name, known), path };
}

type PodRule = 'hostNamespaces' | 'privileged' | 'volumes' | 'serviceAccounts' | 'capabilities';

function use(rule: PodRule, shown: string, { group, path, known }: PodPlace): Use {
  return { rule: `${group}.${rule}`, shown, values: spellingsOf(shown, known), path };
}

function inside(place: PodPlace, ...keys: (string | number)[]): PodPlace {
  return { ...place, path: [...place.path, ...keys] };
}

function isOff(value: unknown): boolean {
  return value === undefined || value === null || value === false;
}

/** Objects of a list, with their places. */
function itemsOf(value: unknown): { item: Fields; index: number }[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown, index) => (isFields(item) ? [{ item, index }] : []));
}
