import { badRequest } from './status-error.ts';

/**
 * How many objects and lists may stand in each other. The real API server allows 10,000, which no object of its own
 * kinds has; what the sandbox does with an object recurs at each level, and fewer fit on its stack.
 */
const maxDepth = 1000;

/** @throws StatusError BadRequest for a value that is nested too deep. */
export function checkDepth(value: unknown): void {
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth) throw badRequest('the object provided is unrecognized: exceeded max depth');
    level = level.flatMap((one): unknown[] =>
      typeof one === 'object' && one !== null ? Object.values(one) : [],
    );
  }
}
