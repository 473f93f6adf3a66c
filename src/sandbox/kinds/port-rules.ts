import type { Check } from './rules.ts';
import { invalidValue, portNumber, required } from './rules.ts';

/** What the name of a port must be; the texts of k8s.io/apimachinery/pkg/util/validation (IsValidPortName). */
const portNameRules: readonly [fits: (name: string) => boolean, message: string][] = [
  [(name) => name.length <= 15, 'must be no more than 15 characters'],
  [
    (name) => /^[-a-z0-9]+$/.test(name),
    'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
  ],
  [(name) => /[a-z]/.test(name), 'must contain at least one letter (a-z)'],
  [(name) => !name.includes('--'), 'must not contain consecutive hyphens'],
  [(name) => !/^-|-$/.test(name), 'must not begin or end with a hyphen'],
];

/** A port's name, where there is one. */
export const portName: Check = (name, path) =>
  typeof name === 'string' && name !== '' ? checkPortName(name, path) : [];

const checkPortName = (name: string, path: string): ReturnType<typeof invalidValue>[] =>
  portNameRules.flatMap(([fits, message]) => (fits(name) ? [] : [invalidValue(path, name, message)]));

/** A port of a probe, a hook or a Service's pods: a number, or the name of a container's port. */
export const portOrName: Check = (port, path, parent) =>
  typeof port === 'string' ? checkPortName(port, path) : portNumber(port ?? 0, path, parent);

/** A port's number that must be given. */
export const givenPort: Check = (port, path, parent) => portNumber(port ?? 0, path, parent);

/** A container's port; 0 counts as not given. */
export const containerPort: Check = (port, path, parent) =>
  port ? portNumber(port, path, parent) : required(path);
