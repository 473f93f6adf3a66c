import type { ReleaseRecord } from '../../../src/release/record/release-record.ts';
import type { History } from './history.ts';
import type { Ending } from './simulated-runner.ts';

const runOutcomes = [
  'succeeded',
  'failed',
  'aborted',
  'rolledBack',
  'infrastructure',
  'interrupted',
  'internal',
];

/** Adds to a history's violations where what callers were told, what the records say and what serves are not the same. */
export function judge(
  history: History,
  deployed: string | undefined,
  release: ReleaseRecord | undefined,
): void {
  for (const [name, ending] of Object.entries(history.endings)) {
    history.violations.push(...judgeEnding(name, ending, history.outcome));
  }
  if (release === undefined) history.violations.push('the record of the release is gone');
  else judgeRelease(history, deployed, release);
}

function judgeEnding(name: string, { code, what, message }: Ending, outcome: string | undefined): string[] {
  const found: string[] = [];
  // Who resumes a run that has ended meanwhile is told so, with 2.
  const isTooLate = code === 2 && message.endsWith('is finished already');
  if (code === 70 || (code === 2 && !isTooLate)) found.push(`${name} ends with ${String(code)}: ${message}`);
  if (runOutcomes.includes(what) && what !== outcome)
    found.push(`${name} says ${what}, the record says ${outcome ?? 'nothing'}`);
  return found;
}

function judgeRelease(
  history: History,
  deployed: string | undefined,
  { history: revisions }: ReleaseRecord,
): void {
  const { image = 'nothing', outcome, violations } = history;
  const { number = 0, outcome: ended = 'none', reason } = revisions.at(-1) ?? {};
  const isCancelled = outcome === 'aborted' || outcome === 'interrupted';
  // Rolled back as far as the runner does it: Kubernetes finishes it.
  history.isLeftOpen = ended === 'unfinished' && isCancelled && image === 'v1';
  if (deployed === 'succeeded' && image !== 'v2') violations.push(`deploy succeeded and ${image} serves`);
  if (deployed === 'rolledBack' && image !== 'v1')
    violations.push(`deploy was rolled back and ${image} serves`);
  if (history.isLeftOpen) return;
  const expected = servingAfter(ended, number);
  if (image !== expected) violations.push(`revision ${String(number)} is ${ended} and ${image} serves`);
  if (isUnreasoned(ended, reason)) violations.push(`the release is ${ended} without a reason`);
}

function isUnreasoned(ended: string, reason: string | undefined): boolean {
  return (ended === 'failed' || ended === 'halted') && reason === undefined;
}

function servingAfter(ended: string, number: number): string {
  return ended === 'released' && number > 1 ? 'v2' : 'v1';
}
