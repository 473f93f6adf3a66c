import { withoutPullSecret } from '../../kubernetes/image-pull.ts';
import type { Diagnostic } from '../../spec/diagnostic.ts';
import type { ValidPipeline } from '../../spec/parse-pipeline.ts';
import { filePlanOf } from '../file-plan.ts';
import type { ManifestSearch } from '../stage-manifests.ts';
import { stagePaths } from '../stage-paths.ts';
import { findPulls, namesIn, type FoundPull } from './found-pulls.ts';

/** Warnings for pods without a pull secret, as far as the file and the manifests beside it tell. */
export async function pullDiagnostics(
  { pipeline, locate }: Pick<ValidPipeline, 'pipeline' | 'locate'>,
  search: ManifestSearch,
): Promise<Diagnostic[]> {
  const paths = stagePaths(pipeline);
  const pulls = await findPulls(filePlanOf(pipeline), search);
  return pulls
    .filter((pull) => pull.secrets.length === 0 && !accountHasSecrets(pull))
    .map((pull) =>
      locate({
        ...{ code: 'pull-secret', severity: 'warning', ...withoutPullSecret(pull) },
        path: pull.stage === undefined ? ['agent'] : [...(paths.get(pull.stage) ?? []), 'deploy'],
      }),
    );
}

/** Whether the manifests bring the ServiceAccount with pull secrets. */
function accountHasSecrets({ objects, account, namespace }: FoundPull): boolean {
  return objects.some(
    (object) =>
      object.kind === 'ServiceAccount' &&
      object.metadata.name === account &&
      object.metadata.namespace === namespace &&
      namesIn(object['imagePullSecrets']).length > 0,
  );
}
