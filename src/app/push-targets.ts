import type { Plan } from '../plan/plan.ts';
import type { Secrets } from '../ports/secrets.ts';
import { registryCredentials } from '../stages/image/registry-credentials.ts';
import type { PushTarget } from './doctor.ts';
import { imageRepositories } from './image-repositories.ts';

/** The repositories that image stages push to, with the logins of their secrets. */
export async function pushTargets(
  plan: Pick<Plan, 'nodes' | 'parameters' | 'trigger'>,
  secrets: Secrets,
  signal: AbortSignal,
): Promise<PushTarget[]> {
  const repositories = await imageRepositories(plan);
  return repositories.map(({ written: repository, reference: { host }, credentials: name }) => {
    if (name === undefined) return { repository };
    const credentials = async () => registryCredentials(name, await secrets.read(name, { signal }), host);
    return { repository, credentials };
  });
}
