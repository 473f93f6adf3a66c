import { writeStatus } from './status.ts';
import type { StoredObject } from '../store/objects.ts';
import { itself, type Controller, type ControllerContext } from './controller.ts';
import { keyOf } from './ownership.ts';

type Claim = StoredObject<
  { volumeName?: string; accessModes?: string[]; resources?: { requests?: Record<string, string> } },
  { phase?: string }
>;

/** Binds every PersistentVolumeClaim at once: in the sandbox a claim is a folder, whatever class it asks for. */
export function volumeClaimController({ objects }: ControllerContext): Controller {
  return {
    name: 'persistentvolume-controller',
    watches: { PersistentVolumeClaim: itself },
    reconcile: (target) => {
      const claim = objects.get<Claim>({ kind: 'PersistentVolumeClaim', group: '', ...target });
      if (claim === undefined || claim.status?.phase === 'Bound') return undefined;
      const bound = objects.modify<Claim>(keyOf(claim), ({ spec, metadata }) => {
        if (spec !== undefined) spec.volumeName ??= `pvc-${metadata.uid}`;
        metadata.annotations = { ...metadata.annotations, 'pv.kubernetes.io/bind-completed': 'yes' };
      });
      writeStatus(objects, bound ?? claim, {
        phase: 'Bound',
        ...(claim.spec?.accessModes === undefined ? {} : { accessModes: claim.spec.accessModes }),
        capacity: claim.spec?.resources?.requests ?? {},
      });
      return undefined;
    },
  };
}
