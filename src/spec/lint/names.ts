import { defined } from '../../base/defined.ts';
import type { Finding } from '../finding.ts';
import { hintFor } from '../../base/nearest.ts';
import { findCycle, resolveNeeds, type OrderedStage } from '../stage-order.ts';
import { hasTemplate } from '../../expressions/template.ts';
import type { StageDraft } from '../stage-draft.ts';

/** Names are unique, needs name stages of the same phase, and no stage waits for itself. */
export function lintNames(drafts: readonly StageDraft[]): Finding[] {
  return [
    ...duplicates(drafts),
    ...needsOf(drafts, 'main'),
    ...needsOf(drafts, 'finally'),
    ...cycleOf(drafts, 'main'),
    ...cycleOf(drafts, 'finally'),
  ];
}

function duplicates(drafts: readonly StageDraft[]): Finding[] {
  const seen = new Set<string>();
  return drafts.flatMap(({ name, path }): Finding[] => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const message = `duplicate stage "${name}"`;
    return [
      {
        code: 'duplicate-name',
        path: [...path, 'name'],
        message,
        hint: 'stage names must be unique in the file',
      },
    ];
  });
}

function needsOf(drafts: readonly StageDraft[], phase: StageDraft['phase']): Finding[] {
  const ours = drafts.filter((draft) => draft.phase === phase);
  const names = ours.map(({ name }) => name);
  const others = drafts.filter((draft) => draft.phase !== phase).map(({ name }) => name);
  return ours.flatMap(({ name, path, common }) =>
    (common.needs ?? []).flatMap((need, index): Finding[] => {
      const at = { code: 'needs', path: [...path, 'needs', index] };
      if (names.includes(need) || hasTemplate(need)) return []; // An expression here is an error of its own.
      const allowed = names.filter((other) => other !== name);
      if (!others.includes(need))
        return [{ ...at, message: `there is no stage "${need}"`, hint: hintFor(need, allowed) }];
      const side =
        phase === 'main'
          ? 'a stage of `finally` runs after all stages'
          : 'stages of `finally` run after all others anyway';
      return [{ ...at, message: `"${need}" cannot be needed here`, hint: side }];
    }),
  );
}

function cycleOf(all: readonly StageDraft[], phase: StageDraft['phase']): Finding[] {
  const drafts = all.filter((draft) => draft.phase === phase);
  // Two stages of one name would be one stage here; needs that cannot be read wait for nothing that is known.
  if (new Set(drafts.map(({ name }) => name)).size < drafts.length) return [];
  const ordered = drafts.map(({ name, common, raw }): OrderedStage => {
    const needs = common.needs ?? (raw['needs'] === undefined ? undefined : []);
    return { name, ...defined({ needs }) };
  });
  const cycle = findCycle(resolveNeeds(ordered));
  if (cycle === undefined) return [];
  const culprit = drafts.find(({ name, common }) => cycle.includes(name) && common.needs !== undefined);
  const path = culprit === undefined ? [] : [...culprit.path, 'needs'];
  const hint = 'a stage without needs waits for all stages before it in the file';
  return [{ code: 'cycle', path, message: `stages wait for each other: ${cycle.join(' → ')}`, hint }];
}
