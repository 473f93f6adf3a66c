import { ulid } from 'ulid';
import { createBuilders, type BuildSettings } from './builders.ts';
import { Masker } from '../base/mask.ts';
import type { Plan, PlannedAgent } from '../plan/plan.ts';
import type { Policy } from '../policy/policy.ts';
import type { AgentSpec } from '../ports/agent.ts';
import { releaseTarget } from '../stages/deploy/release-target.ts';
import { bindPlan } from './bind-plan.ts';
import type { Connection } from './connection.ts';
import { examine, type Finding } from './doctor.ts';
import { deploySettings } from './deploy-settings.ts';
import type { PlannedFile } from './plan-file.ts';
import { checkPulls } from './pulls/check-pulls.ts';
import { describePolicy } from './policies.ts';
import { pushTargets } from './push-targets.ts';
import { createSecretReader } from './secret-reader.ts';

/** What `pipeline doctor` is asked. */
export interface DoctorRequest {
  /** Missing: the cluster alone is looked at. */
  planned?: PlannedFile;
  /** Policies in force, shown first. */
  policies?: readonly Policy[];
  build: BuildSettings;
  connection: Connection;
  signal: AbortSignal;
}

/** Looks at everything that a run of a file will need and changes nothing. @throws InputError for a wrong expression */
export async function* doctorFile(request: DoctorRequest): AsyncGenerator<Finding> {
  const { connection, signal } = request;
  const { cluster, namespace } = connection;
  const { builders, registry } = createBuilders(connection, request.build, process.env);
  const base = { cluster, registry, signal, agentNamespace: namespace };
  for (const policy of request.policies ?? []) yield describePolicy(policy);
  if (request.planned === undefined) {
    yield* examine({
      ...base,
      releaseNamespaces: [],
      secrets: [],
      builders: [],
      pushTargets: [],
      agents: [],
      agentImages: [],
      pulls: () => Promise.resolve([]),
    });
    return;
  }
  const { file } = request.planned;
  const plan = bindPlan(request.planned, connection);
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
    agents: Object.entries(plan.agents).map(([name, agent]) => ({
      name,
      rehearse: (onWarning) => connection.rehearseAgent(specOf(name, agent), { signal, onWarning }),
    })),
    // The sandbox has an empty image for every one that it does not know.
    agentImages: connection.sandbox
      ? []
      : Object.values(plan.agents).flatMap(({ containers, services }) =>
          [...containers, ...services].map(({ image }) => image),
        ),
    pulls: () => checkPulls(plan, connection, { directory: file.directory, signal }),
  });
}

/** The pod as a run would make it; neither its id nor its time changes whether it is taken. */
function specOf(name: string, agent: PlannedAgent): AgentSpec {
  return { ...agent, name, runId: ulid(), deadlineSeconds: 3600 };
}

async function releaseNamespaces(plan: Plan): Promise<string[]> {
  const nodes = plan.nodes.filter(({ kind }) => kind === 'deploy');
  const settings = await Promise.all(nodes.map((node) => deploySettings(node, plan, {})));
  return [...new Set(settings.map((each) => releaseTarget(each, plan).namespace))];
}
