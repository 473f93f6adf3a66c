import { availableParallelism, totalmem } from 'node:os';
import type { Container, Pod, ResourceFieldRef } from './pod-types.ts';
import { quantityToNumber } from './quantity.ts';

/** A container's configuration refers to something that is not there; the container waits with CreateContainerConfigError. */
export class ConfigurationMissing extends Error {}

/** Reads a ConfigMap's or Secret's values by name, Secrets decoded; undefined when there is no such object. */
export interface ConfigurationSource {
  configMap(name: string): Readonly<Record<string, string>> | undefined;
  secret(name: string): Readonly<Record<string, string>> | undefined;
}

/** What a pod knows of itself only when it runs. */
export interface PodFacts {
  podIP: string;
  hostIP: string;
  nodeName: string;
}

/**
 * The environment that the pod's spec gives a container: `envFrom`, then `env` in order, where `$(NAME)` stands for
 * what came before (`inherited` too). Throws {@link ConfigurationMissing}.
 */
export function resolveEnvironment(
  pod: Pod,
  container: Container,
  {
    source,
    facts,
    inherited,
  }: { source: ConfigurationSource; facts: PodFacts; inherited: Record<string, string> },
): Record<string, string> {
  const environment: Record<string, string> = { ...inherited, ...valuesFrom(container, source) };
  for (const { name, value, valueFrom } of container.env ?? []) {
    const found =
      valueFrom === undefined
        ? expand(value ?? '', environment)
        : valueOf(pod, container, valueFrom, { source, facts });
    if (found !== undefined) environment[name] = found;
  }
  return environment;
}

/**
 * What a container's memory limit is to programs that would read it from the cgroup that they do not have here. A Java
 * machine that takes the whole machine for its own grows until it is killed; it says on stderr that it was told.
 */
export function limitsAsEnvironment({ resources }: Container): Record<string, string> {
  const bytes = quantityToNumber(resources?.limits?.['memory'] ?? '');
  return bytes === undefined ? {} : { JAVA_TOOL_OPTIONS: `-XX:MaxRAM=${Math.floor(bytes)}` };
}

/** The variables of `envFrom`. */
function valuesFrom(container: Container, source: ConfigurationSource): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const reference = configMapRef ?? secretRef;
    if (reference === undefined) continue;
    const kind = configMapRef === undefined ? 'secret' : 'configmap';
    const values =
      kind === 'secret' ? source.secret(reference.name ?? '') : source.configMap(reference.name ?? '');
    if (values === undefined && reference.optional !== true)
      throw new ConfigurationMissing(`${kind} "${reference.name}" not found`);
    for (const [key, value] of Object.entries(values ?? {})) environment[prefix + key] = value;
  }
  return environment;
}

type ValueFrom = NonNullable<NonNullable<Container['env']>[number]['valueFrom']>;

function valueOf(
  pod: Pod,
  container: Container,
  from: ValueFrom,
  { source, facts }: { source: ConfigurationSource; facts: PodFacts },
): string | undefined {
  if (from.fieldRef !== undefined) return fieldOf(pod, from.fieldRef, facts);
  if (from.resourceFieldRef !== undefined) return resourceOf(pod, from.resourceFieldRef, container);
  const reference = from.configMapKeyRef ?? from.secretKeyRef;
  if (reference === undefined) return undefined;
  const isSecret = from.configMapKeyRef === undefined;
  const values = isSecret ? source.secret(reference.name ?? '') : source.configMap(reference.name ?? '');
  const value = values?.[reference.key];
  if (value !== undefined || reference.optional === true) return value;
  if (values === undefined)
    throw new ConfigurationMissing(`${isSecret ? 'secret' : 'configmap'} "${reference.name}" not found`);
  const where = `${isSecret ? 'Secret' : 'ConfigMap'} ${pod.metadata.namespace ?? ''}/${reference.name}`;
  throw new ConfigurationMissing(`couldn't find key ${reference.key} in ${where}`);
}

/** A field of the pod as the downward API gives it; whole maps come as lines of `key="value"`. */
export function fieldOf(pod: Pod, { fieldPath }: { fieldPath: string }, facts: PodFacts): string {
  const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(fieldPath);
  if (keyed !== null) return pod.metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] ?? ''] ?? '';
  switch (fieldPath) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata.uid;
    case 'metadata.labels':
      return lines(pod.metadata.labels);
    case 'metadata.annotations':
      return lines(pod.metadata.annotations);
    case 'spec.nodeName':
      return facts.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? 'default';
    case 'status.hostIP':
    case 'status.hostIPs':
      return facts.hostIP;
    case 'status.podIP':
    case 'status.podIPs':
      return facts.podIP;
    default:
      throw new ConfigurationMissing(`field label not supported: ${fieldPath}`);
  }
}

function lines(map: Record<string, string> = {}): string {
  return Object.entries(map)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort()
    .join('\n');
}

/** A container's request or limit as the downward API gives it, in units of `divisor`, rounded up; the machine's size stands in for a missing limit. */
export function resourceOf(pod: Pod, reference: ResourceFieldRef, own?: Container): string {
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const container =
    reference.containerName === undefined ? own : all.find(({ name }) => name === reference.containerName);
  const [list, ...rest] = reference.resource.split('.');
  const name = rest.join('.');
  const kind = list === 'limits' ? 'limits' : 'requests';
  const given = quantityToNumber(container?.resources?.[kind]?.[name] ?? '');
  const value = given ?? (kind === 'limits' ? machineSize(name) : 0);
  const divisor = quantityToNumber(reference.divisor ?? '1') ?? 1;
  return String(Math.ceil(value / (divisor === 0 ? 1 : divisor) - 1e-9));
}

function machineSize(resource: string): number {
  if (resource === 'cpu') return availableParallelism();
  return resource === 'memory' ? totalmem() : 0;
}

/** Replaces `$(NAME)` by its value; `$$(NAME)` is the text `$(NAME)`, and a name that is not known stays as it is written. */
export function expand(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([^()]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (environment[name] ?? whole),
  );
}
