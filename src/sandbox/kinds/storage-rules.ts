import { isFields } from '../../base/fields.ts';
import { at } from './fields.ts';
import { qualifiedDomain, subdomainName } from './names.ts';
import type { Check, Rule } from './rules.ts';
import { invalidValue, named, needed, oneOf, required, unsupported } from './rules.ts';
import { labelSelector } from './selector-rules.ts';

const modes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

const accessModes: Check = (list, path) =>
  Array.isArray(list)
    ? list.filter((mode) => !modes.includes(mode as string)).map((mode) => unsupported(path, mode, modes))
    : [];

const className: Rule = ['spec.storageClassName', named(subdomainName)];
const volumeMode: Rule = ['spec.volumeMode', oneOf('Block', 'Filesystem')];

/** What of a volume's spec is not its source. */
const described =
  /^(accessModes|capacity|claimRef|mountOptions|nodeAffinity|persistentVolumeReclaimPolicy|storageClassName|volumeAttributesClassName|volumeMode)$/;

const volume: Check = (spec, path) =>
  Object.keys(isFields(spec) ? spec : {}).every((name) => described.test(name)) &&
  required(path, 'must specify a volume type');

const provisioner: Check = (value, path) =>
  Boolean(value) &&
  !qualifiedDomain.test(String(value)) &&
  !subdomainName.pattern.test(String(value).toLowerCase()) &&
  invalidValue(path, value, 'must be a name, after a domain or without one');

/** The rules of the kinds that are about storage. */
export const storageRules: Record<string, readonly Rule[]> = {
  PersistentVolumeClaim: [
    ['spec.accessModes', needed('at least 1 access mode is required'), accessModes],
    [
      'spec',
      (spec) =>
        at(spec, 'resources', 'requests', 'storage') === undefined && required('spec.resources[storage]'),
    ],
    ['spec.selector', labelSelector],
    className,
    volumeMode,
  ],
  PersistentVolume: [
    ['spec', volume],
    ['spec.accessModes', needed(), accessModes],
    ['spec', (spec) => at(spec, 'capacity', 'storage') === undefined && required('spec.capacity')],
    ['spec.persistentVolumeReclaimPolicy', oneOf('Delete', 'Recycle', 'Retain')],
    ['spec.hostPath.path', needed()],
    className,
    volumeMode,
  ],
  StorageClass: [
    ['provisioner', needed(), provisioner],
    ['reclaimPolicy', oneOf('', 'Delete', 'Retain')],
    ['volumeBindingMode', oneOf('Immediate', 'WaitForFirstConsumer')],
  ],
};
