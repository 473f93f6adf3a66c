import type { ReleaseStatus } from '../app/release-commands.ts';
import { verdictWords } from '../ports/measurements.ts';

/**
 * The status for people.
 * @param cluster what `--cluster` named, for the commands that it shows
 */
export function statusText(now: ReleaseStatus, cluster?: string): string[] {
  const lines = [`${now.application} in ${now.namespace}`];
  if (now.stable !== undefined)
    lines.push(`serving: revision ${String(now.stable.number)}, ${images(now.stable.images)}`);
  if (now.current !== undefined) {
    const { entry } = now.current;
    lines.push(
      `in progress: revision ${String(entry.number)}, ${images(entry.images)}, in phase ${now.current.phase}, owned by ${now.holder ?? 'no runner'}`,
      ...(now.paused === undefined ? waitingText(now, cluster) : pausedText(now, now.paused, cluster)),
      ...samplesText(now.current.samples, entry.settings?.analyses),
    );
  }
  if (now.last !== undefined) {
    const { number, outcome, reason } = now.last;
    const why = reason === undefined ? '' : `: ${reason}`;
    lines.push(
      `last release: revision ${String(number)}, ${images(now.last.images)}, ${words[outcome]}${why}`,
    );
  }
  return [...lines, ...now.workloads.flatMap((workload) => workloadText(workload))];
}

function waitingText(
  { waiting, application, namespace, current }: ReleaseStatus,
  cluster?: string,
): string[] {
  if (waiting === undefined) return [];
  const since = waiting.since === undefined ? '' : ` since ${timeText(waiting.since)}`;
  const place = placeText({ application, namespace }, cluster);
  const alone = current?.phase === 'measuring' ? 'measuring' : 'paused';
  return [
    `${waiting.forPerson ? 'waiting for a person' : alone}${since}: ${waiting.text}`,
    `  to continue:  pipeline release promote ${place}`,
    `  to roll back: pipeline release abort ${place}`,
  ];
}

function pausedText(
  { waiting, application, namespace }: ReleaseStatus,
  { by, since, rests }: NonNullable<ReleaseStatus['paused']>,
  cluster?: string,
): string[] {
  const place = placeText({ application, namespace }, cluster);
  const where = waiting === undefined ? '' : `: ${waiting.text}`;
  const what = rests ? 'paused' : 'about to pause, when its pods have come to rest, asked';
  return [
    `${what} by ${by} since ${timeText(since)}${where}`,
    `  to continue:  pipeline release resume ${place}`,
    `  to roll back: pipeline release abort ${place}`,
  ];
}

function placeText(
  { application, namespace }: Pick<ReleaseStatus, 'application' | 'namespace'>,
  cluster?: string,
): string {
  return `${application} -n ${namespace}${cluster === undefined ? '' : ` --cluster ${cluster}`}`;
}

/** Samples of an analysis that are shown: the last ones. */
const shownSamples = 3;

type Current = NonNullable<ReleaseStatus['current']>;
type Analyses = NonNullable<Current['entry']['settings']>['analyses'];

/** `  analysis at step 2: errors, measurement 3: passed: [0.004]` */
function samplesText(samples: Current['samples'] = {}, analyses: Analyses = {}): string[] {
  return Object.entries(samples).flatMap(([key, all]) => {
    const name = key.slice(key.indexOf(': ') + 2);
    const dryRun = analyses[name]?.dryRun === true ? ' (dry run)' : '';
    return all
      .map(
        ({ verdict, text }, index) =>
          `  analysis at ${key}, measurement ${String(index + 1)}: ${verdictWords[verdict]}${dryRun}: ${text}`,
      )
      .slice(-shownSamples);
  });
}

/** `2026-11-30 13:40:05 UTC` */
function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** Problems of a workload that are shown: its pods often have the same. */
const shownProblems = 3;

type Ended = NonNullable<ReleaseStatus['last']>;
type SeenWorkload = ReleaseStatus['workloads'][number];

/** Outcomes as texts have them. */
const words: Readonly<Record<Ended['outcome'], string>> = {
  ...{ unfinished: 'unfinished', released: 'released', rolledBack: 'rolled back', failed: 'failed' },
  ...{ halted: 'halted', superseded: 'superseded', adopted: 'adopted' },
};

function workloadText({ reference, complete, ready, desired, tracks, problems }: SeenWorkload): string[] {
  const pods = tracks.map(
    (track) =>
      `  ${track.name} ${track.workload}: ${String(track.ready)} of ${String(track.desired)} ready, ${String(track.weight)} % of traffic`,
  );
  if (complete) return pods;
  // A Job that has ended may have been removed since.
  const found = problems.filter(({ kind }) => kind !== 'missing' || reference.kind !== 'Job');
  const alone =
    found.length === 0
      ? []
      : [`  ${reference.kind} ${reference.name}: ${String(ready)} of ${String(desired)} ready`];
  const more = found.length > shownProblems ? [`    and ${String(found.length - shownProblems)} more`] : [];
  const shown = found.slice(0, shownProblems).map(({ message }) => `    ${message}`);
  return [...(pods.length > 0 ? pods : alone), ...shown, ...more];
}

/** Container and image, `web=shop/web@sha256:…`, in short. */
export function images(byContainer: Readonly<Record<string, string>>): string {
  return Object.entries(byContainer)
    .map(
      ([container, image]) =>
        `${container}=${image.replace(/@sha256:([0-9a-f]{12})[0-9a-f]*/, '@sha256:$1')}`,
    )
    .join(' ');
}
