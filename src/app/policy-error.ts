import { defined } from '../base/defined.ts';
import { InputError } from '../base/errors.ts';
import type { Refusal } from '../policy/check.ts';

/** A policy of the runner does not allow something that is known in the run alone. */
export class PolicyError extends InputError {
  override readonly code = 'policy';

  /** @throws PolicyError that tells all refusals, when there are any */
  static assertNone(refusals: readonly Refusal[]): void {
    const [first] = refusals;
    if (first === undefined) return;
    const lines = refusals.map(({ path, location, message }) => {
      const place = [location, path.join('.')].filter((part) => part !== undefined && part !== '').join(': ');
      return place === '' ? message : `${place}: ${message}`;
    });
    throw new PolicyError(lines.join('\n'), defined({ hint: first.hint }));
  }
}
