import { InternalError } from '../base/errors.ts';
import { blueGreen } from './blue-green/blue-green.ts';
import { canary } from './canary/canary.ts';
import { rolling } from './rolling/rolling.ts';
import type { Strategy } from './strategy.ts';

/** Strategies by name; the first one is the default. */
export class StrategyRegistry {
  readonly all: readonly [Strategy, ...Strategy[]];

  constructor(all: readonly [Strategy, ...Strategy[]]) {
    this.all = all;
  }

  /** @throws InternalError: schemas let only known names through */
  get(name: string): Strategy {
    const found = this.all.find((strategy) => strategy.name === name);
    if (found === undefined) throw new InternalError(`there is no strategy "${name}"`);
    return found;
  }
}

/** The strategies that pipelines can name: a line each. */
export const strategies = new StrategyRegistry([rolling, blueGreen, canary]);
