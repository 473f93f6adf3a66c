import { createBuilders, type BuildSettings } from './builders.ts';
import { Masker } from '../base/mask.ts';
import { evaluateText } from '../plan/evaluate.ts';
import type { Plan } from '../plan/plan.ts';
import type { Secrets } from '../ports/secrets.ts';
import { registryCredentials } from '../stages/image/registry-credentials.ts';
import type { Connection } from './connection.ts';
import { examine, type Finding, type PushTarget } from './doctor.ts';
import { readPipelineFile } from './pipeline-file.ts';
import { deploySettings } from './plan-preview.ts';
import { planFile } from './run-pipeline.ts';
import { createSecretReader } from './secret-reader.ts';

/** What `pipeline doctor` is asked. */
export interface DoctorRequest {
  /** Missing: the cluster alone is looked at. */
  file?: string;
  parameters: Readonly<Record<string, string>>;
  build: BuildSettings;
  connection: Connection;
  signal: AbortSignal;
}

/**
 * Looks at everything that a run of a file will need and changes nothing.
 * @throws PipelineFileError, InputError when the file is wrong
 */
export async function* doctorFile(request: DoctorRequest): AsyncGenerator<Finding> {
  const { connection, signal, parameters } = request;
  const { cluster, namespace } = connection;
  const { builders, registry } = createBuilders(connection, request.build, process.env);
  const base = { cluster, registry, signal, agentNamespace: namespace };
  if (request.file === undefined) {
    yield* examine({
      ...base,
      releaseNamespaces: [],
      secrets: [],
      builders: [],
      pushTargets: [],
      agentImages: [],
    });
    return;
  }
  const file = await readPipelineFile(request.file);
  const { plan } = planFile(file, { parameters, trigger: {}, namespace });
  const secrets = createSecretReader({
    sources: plan.secrets,
    cluster,
    namespace: plan.namespace,
    masker: new Masker(),
    environment: process.env,
    onWeakSecret: () => undefined,
  });
  yield* examine({
    ...base,
    agentNamespace: plan.namespace,
    releaseNamespaces: await releaseNamespaces(plan),
    // The sandbox makes the secrets that are not there.
    secrets: connection.sandbox
      ? []
      : Object.keys(plan.secrets).map((name) => ({ name, read: () => secrets.read(name, { signal }) })),
    builders: connection.sandbox
      ? [builders.layers()]
      : [builders.docker({ type: 'environment' }), builders.layers()],
    pushTargets: connection.sandbox ? [] : await pushTargets(plan, secrets, signal),
    // The sandbox has an empty image for every one that it does not know.
    agentImages: connection.sandbox
      ? []
      : [...plan.agent.containers, ...plan.agent.services].map(({ image }) => image),
  });
}

async function releaseNamespaces(plan: Plan): Promise<string[]> {
  const nodes = plan.nodes.filter(({ kind }) => kind === 'deploy');
  const settings = await Promise.all(nodes.map((node) => deploySettings(node, plan, {})));
  return [...new Set(settings.map(({ namespace }) => namespace ?? plan.namespace))];
}

async function pushTargets(plan: Plan, secrets: Secrets, signal: AbortSignal): Promise<PushTarget[]> {
  const nodes = plan.nodes.filter(({ kind }) => kind === 'image');
  return Promise.all(
    nodes.map(async (node): Promise<PushTarget> => {
      const image = node.input['image'] as { repository: string; credentials?: string };
      const repository = await evaluateText(image.repository, {
        params: plan.parameters,
        trigger: plan.trigger,
      });
      const name = image.credentials;
      if (name === undefined) return { repository };
      const host = repository.split('/')[0] ?? '';
      return {
        repository,
        credentials: async () => registryCredentials(name, await secrets.read(name, { signal }), host),
      };
    }),
  );
}
