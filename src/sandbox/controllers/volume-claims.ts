import type { StoredObject } from '../store/objects.ts';
import type { Plan } from './plan.ts';

type Claim = StoredObject<
  { volumeName?: string; accessModes?: string[]; resources?: { requests?: Record<string, string> } },
  { phase?: string }
>;

/** Binds every PersistentVolumeClaim at once: in the sandbox a claim is a folder, whatever class it asks for. */
export function planClaim(claim: Claim): Plan {
  if (claim.status?.phase === 'Bound') return {};
  const change = ({ spec, metadata }: Claim): void => {
    if (spec !== undefined) spec.volumeName ??= `pvc-${metadata.uid}`;
    metadata.annotations = { ...metadata.annotations, 'pv.kubernetes.io/bind-completed': 'yes' };
  };
  const { accessModes, resources } = claim.spec ?? {};
  const modes = accessModes === undefined ? {} : { accessModes };
  const status = { phase: 'Bound', ...modes, capacity: resources?.requests ?? {} };
  return { actions: [{ act: 'change', object: claim, change }], status };
}
