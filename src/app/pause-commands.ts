import { systemClock } from '../adapters/system/clock.ts';
import { detachRelease, pauseRelease } from '../release/pause.ts';
import { placeOf, statusOfRelease, type ReleaseTarget, type ReportLine } from './release-commands.ts';
import { whoReleases } from './stage-dependencies.ts';

/**
 * Pauses a release in progress at its next point of rest.
 * @throws InputError when none can be paused
 */
export async function pause(target: ReleaseTarget, report: ReportLine): Promise<void> {
  await statusOfRelease(target);
  const { application, signal, clock = systemClock } = target;
  const { revision, by } = await pauseRelease({ ...requestOf(target), at: clock.now() }, { signal });
  await report(
    `revision ${String(revision)} of ${application} pauses at its next point of rest, asked by ${by}; to continue: pipeline release resume ${placeOf(target)}`,
  );
}

/**
 * Has the runner of a release leave it as soon as it waits; one that has no runner is left already.
 * @throws InputError when none can be left
 */
export async function detach(target: ReleaseTarget, report: ReportLine): Promise<void> {
  const { holder } = await statusOfRelease(target);
  const { application, signal } = target;
  const revision = await detachRelease(requestOf(target), { signal });
  const now =
    holder === undefined
      ? `revision ${String(revision)} of ${application} has no runner`
      : `the runner of revision ${String(revision)} of ${application} leaves it as soon as it waits`;
  await report(`${now}; to continue: pipeline release resume ${placeOf(target)}`);
}

function requestOf({ connection, application }: ReleaseTarget) {
  const { cluster, namespace } = connection;
  return { cluster, application, namespace, by: whoReleases(process.env) };
}
