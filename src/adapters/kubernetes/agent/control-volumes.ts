import { createHash } from 'node:crypto';
import { InputError } from '../../../base/errors.ts';
import * as z from '../../../base/zod.ts';
import { scratchDirectory } from './step-script.ts';

const Mounted = z.object({
  name: z.string(),
  volumeMounts: z.nullish(
    z.array(z.object({ name: z.string(), mountPath: z.string(), subPath: z.optional(z.string()) })),
  ),
});

const Spec = z.object({
  initContainers: z.nullish(z.array(Mounted)),
  containers: z.array(Mounted),
  volumes: z.nullish(z.array(z.looseObject({ name: z.string() }))),
  shareProcessNamespace: z.nullish(z.boolean()),
  hostPID: z.nullish(z.boolean()),
});

const hint = 'remove the volumes whose names begin with "slipway-", and mounts at /slipway, from it';

/** The volume that holds the control files of one step container, and that no other container mounts. */
export function controlVolumeName(container: string): string {
  const name = `slipway-${container}`;
  if (name.length <= 63) return name;
  return `slipway-${createHash('sha256').update(container).digest('hex').slice(0, 16)}`;
}

/**
 * Refuses a pod whose template takes away what keeps the control files of a step container from all the others: a step
 * could else write the exit code of another container's step, or read its secrets.
 * @throws InputError
 */
export function checkControlVolumes(podSpec: unknown, stepContainers: readonly string[]): void {
  const { initContainers, containers, volumes } = Spec.parse(podSpec);
  const owners = new Map(stepContainers.map((name) => [controlVolumeName(name), name]));
  for (const container of [...(initContainers ?? []), ...containers]) checkMounts(container, owners);
  for (const container of containers) if (stepContainers.includes(container.name)) checkOwnMount(container);
  for (const volume of volumes ?? []) {
    if (!owners.has(volume.name) || typeof volume['emptyDir'] === 'object') continue;
    const message = `agent.podTemplate changes the volume "${volume.name}", which holds control files and must be an emptyDir`;
    throw new InputError(message, { hint });
  }
}

/** @param owners the container that each control volume belongs to */
function checkMounts({ name, volumeMounts }: z.infer<typeof Mounted>, owners: Map<string, string>): void {
  for (const mount of volumeMounts ?? []) {
    const owner = owners.get(mount.name) ?? name;
    if (owner === name) continue;
    const message = `agent.podTemplate mounts the volume "${mount.name}" in container "${name}": it holds the control files of container "${owner}"`;
    throw new InputError(message, { hint });
  }
}

function checkOwnMount({ name, volumeMounts }: z.infer<typeof Mounted>): void {
  const own = volumeMounts?.find(({ mountPath }) => mountPath === scratchDirectory);
  if (own?.name === controlVolumeName(name) && own.subPath === undefined) return;
  const message = `agent.podTemplate mounts something else at ${scratchDirectory} of container "${name}"`;
  throw new InputError(message, { hint });
}

/** Why the containers of a pod can see each other's processes, with their environments; undefined when they cannot. */
export function sharedProcesses(podSpec: unknown): 'shareProcessNamespace' | 'hostPID' | undefined {
  const { shareProcessNamespace, hostPID } = Spec.parse(podSpec);
  if (shareProcessNamespace === true) return 'shareProcessNamespace';
  return hostPID === true ? 'hostPID' : undefined;
}
