import { InputError } from '../base/errors.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import type { StrategyRegistry } from '../strategies/registry.ts';
import type { Refusal } from '../strategies/strategy.ts';
import {
  defaultTimeoutMs,
  revisionOf,
  type ReleaseRecord,
  type ReleaseSettings,
  type RevisionRecord,
} from './record/release-record.ts';
import { isLeft } from './record/revision-entry.ts';

/** What is taken for a revision that was released before settings were kept, or was adopted: the defaults of a file. */
const defaultSettings: ReleaseSettings = {
  strategy: {},
  timeoutMs: defaultTimeoutMs,
  rollback: 'auto',
  prune: false,
  force: false,
};

/** By which strategy, and how, a revision is released. */
interface Way {
  strategy: string;
  settings: ReleaseSettings;
}

/**
 * How an earlier revision is released again: as it was released; by a strategy that moves the traffic of a Service where
 * the application is released by one now, so that old and new pods do not serve together; what was there before the first
 * release by rolling, where its objects are no more than that can take.
 * @throws InputError when no strategy of these can release its objects
 */
export function wayBackTo(
  target: RevisionRecord,
  objects: readonly KubernetesObject[],
  { record, strategies }: { record: ReleaseRecord; strategies: StrategyRegistry },
): Way {
  const { settings = defaultSettings } = target;
  const own: Way = { strategy: target.strategy, settings };
  const holds = ({ strategy }: Way) => strategies.get(strategy).parts !== undefined;
  const movesService = ({ strategy: name, settings: { strategy: settings } }: Way) => {
    const strategy = strategies.get(name);
    return strategy.parts?.(objects, strategy.settings.parse(settings))?.service !== undefined;
  };
  const ways = [own];
  const now = inPlace(record);
  if (now?.settings !== undefined) {
    const present = { strategy: now.strategy, settings: { ...settings, strategy: now.settings.strategy } };
    // What was left held is ended by a strategy that holds alone.
    const isWanted = movesService(present) || (isLeft(now) && holds(present));
    if (isWanted && !holds(own)) ways.unshift(present);
  }
  if (target.outcome === 'adopted') ways.push({ strategy: 'rolling', settings });
  const refusalOf = ({ strategy: name, settings: { strategy: settings } }: Way): Refusal | undefined => {
    const strategy = strategies.get(name);
    return strategy.refuses?.(objects, strategy.settings.parse(settings))[0];
  };
  const found = ways.find((way) => refusalOf(way) === undefined);
  if (found !== undefined) return found;
  const { message, hint } = refusalOf(own) ?? { message: 'its strategy does not take it', hint: '' };
  throw new InputError(`revision ${String(target.number)} cannot be released again: ${message}`, { hint });
}

/** The revision whose objects are in place: the one that was left as it failed, else the one that was released last. */
function inPlace(record: ReleaseRecord): RevisionRecord | undefined {
  const newest = record.history.at(-1);
  if (newest !== undefined && isLeft(newest)) return newest;
  return record.stable === undefined ? undefined : revisionOf(record, record.stable);
}
