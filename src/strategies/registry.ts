import { InternalError } from '../base/errors.ts';
import { rolling } from './rolling/rolling.ts';
import type { Strategy } from './strategy.ts';

const strategies: readonly Strategy[] = [rolling];

/** The strategy of this name. @throws InternalError: schemas let only known names through */
export function strategyOf(name: string): Strategy {
  const found = strategies.find((strategy) => strategy.name === name);
  if (found === undefined) throw new InternalError(`there is no strategy "${name}"`);
  return found;
}
