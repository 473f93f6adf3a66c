import { withMigration } from '../strategies/migration/with-migration.ts';
import type { StrategyRegistry } from '../strategies/registry.ts';
import type { Strategy } from '../strategies/strategy.ts';
import type { RevisionRecord } from './record/release-record.ts';

/** The strategy by which a revision is released; where it has a migration, it begins with that. */
export function strategyOf(
  { strategy: name, migration }: Pick<RevisionRecord, 'strategy' | 'migration'>,
  strategies: StrategyRegistry,
): Strategy {
  const strategy = strategies.get(name);
  return migration === undefined ? strategy : withMigration(strategy, migration);
}
