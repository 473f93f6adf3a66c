import type { StageContext } from '../../ports/stage.ts';

/** What a deploy stage before this one says that it released; its record says whether it did. */
export interface EarlierRelease {
  application: string;
  namespace: string;
  revision: number;
}

/** The releases among the outputs of the stages that this one waits for, the last first. */
export function releasesBefore(outputs: StageContext['outputs']): EarlierRelease[] {
  const found = new Map<string, EarlierRelease>();
  for (const { application, namespace, revision = '' } of Object.values(outputs)) {
    if (application === undefined || namespace === undefined || !/^\d{1,9}$/.test(revision)) continue;
    // A cell of a matrix stands there beside its stage.
    found.set(`${namespace}/${application}`, { application, namespace, revision: Number(revision) });
  }
  return [...found.values()].reverse();
}

/** How to roll back by hand; undefined where there is nothing to roll back, or nothing to roll back to. */
export function rollBackHint(outputs: StageContext['outputs'], cluster: string): string | undefined {
  const releases = releasesBefore(outputs).filter(({ revision }) => revision > 1);
  if (releases.length === 0) return undefined;
  const where = cluster === 'sandbox' ? ' --cluster sandbox' : '';
  const commands = releases.map(
    ({ application, namespace }) =>
      `pipeline release rollback ${application} --namespace ${namespace}${where}`,
  );
  return `the new version is still serving; roll back by: ${commands.join(' && ')} (or let the stage do it: verify.onFailure: rollback)`;
}
