import { defined } from '../base/defined.ts';
import { InputError } from '../base/errors.ts';
import { evaluateTextNow } from '../expressions/evaluate.ts';
import { hasTemplate } from '../expressions/template.ts';
import type { Plan } from '../plan/plan.ts';
import type { AgentSpec } from '../ports/agent.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import type { SecretSource } from '../ports/secrets.ts';
import type { Finding } from '../spec/finding.ts';
import type { AgentSettings, Pipeline } from '../spec/pipeline.ts';
import { refusal, type Policy, type Use } from './policy.ts';
import { agentUses, type AgentParts } from './uses/agent.ts';
import { objectUses, type PlacedObject } from './uses/objects.ts';
import { hostUse, stageUses, type StageParts } from './uses/stage.ts';
import { spellingsOf, type Known } from './uses/spellings.ts';

/** What is known where a file is checked. */
export interface PolicyContext {
  /** Absolute folder of the pipeline file. */
  directory: string;
  /** Gives the absolute form of a path that a file gives for a secret. */
  readonly absolute: (path: string) => string;
  /** The agent's image where the file names none: the runner's choice, which no policy has to allow. */
  ownImage: string;
}

/** What was refused: a finding, and for manifests where they say so. */
export type Refusal = Finding & { location?: string };

const literal: Known = (text) => text;
const asWritten: Known = (text) => (hasTemplate(text) ? undefined : text);

function refusals(uses: readonly Use[], policies: readonly Policy[]): Refusal[] {
  const found = new Map<string, Refusal>();
  for (const use of uses) {
    for (const policy of policies) {
      const refused = refusal(use, policy);
      if (refused === undefined) continue;
      const { path, location } = use;
      const key = JSON.stringify([path, location, refused.message]);
      found.set(key, { code: 'policy', path, ...refused, ...defined({ location }) });
    }
  }
  return [...found.values()];
}

/**
 * What policies have against a file, as far as it is known without parameters and cluster. Pure, as all of these. What
 * an expression says is looked at where its value is known: by checkPlan, checkStage or checkAgent.
 */
export function checkPipeline(
  pipeline: Pipeline,
  policies: readonly Policy[],
  around: PolicyContext,
): Refusal[] {
  const { namespace } = pipeline.agent;
  const known = asWritten;
  const home = namespace === undefined ? undefined : known(namespace);
  const uses = [
    ...secretUses(pipeline.secrets, home, around),
    ...agentUses(partsOf(pipeline.agent), { known, ownImage: around.ownImage }),
    ...stagesOf(pipeline).flatMap((stage) =>
      stageUses(stage, { known, directory: around.directory, namespace: home }),
    ),
  ];
  return refusals(uses, policies);
}

function stagesOf(pipeline: Pipeline): StageParts[] {
  return (['stages', 'finally'] as const).flatMap((phase) =>
    pipeline[phase].map(({ kind, input }, index) => ({ kind, input, path: [phase, index] })),
  );
}

function partsOf({ containers, services, ...agent }: AgentSettings): AgentParts {
  const [first, ...others] = Object.entries(containers).map(([name, settings]) => ({ name, ...settings }));
  return {
    ...agent,
    containers: first === undefined ? ([] as unknown as AgentParts['containers']) : [first, ...others],
    services: Object.entries(services).map(([name, settings]) => ({ name, ...settings })),
  };
}

/** Where a plan will run. */
export interface PlanPlace extends PolicyContext {
  /** How the cluster is called: a context, `in-cluster`, `sandbox`. */
  cluster: string;
  /** The path of a stage in the file, by its name. */
  pathOf(stage: string): Use['path'];
}

/** What policies have against a plan: the file with its parameters, its namespace and its cluster. */
export function checkPlan(plan: Plan, policies: readonly Policy[], place: PlanPlace): Refusal[] {
  const { namespace } = plan;
  const uses: Use[] = [
    clusterUse(place.cluster),
    ...secretUses(plan.secrets, namespace, place),
    ...Object.values(plan.agents).flatMap((agent) =>
      agentUses(agent, { known: literal, ownImage: place.ownImage }),
    ),
    ...plan.nodes.flatMap(({ stage, kind, input, matrix }) => {
      const scope = { params: plan.parameters, trigger: plan.trigger, matrix };
      const known: Known = (text) => evaluatedEarly(text, scope);
      return stageUses(
        { kind, input, path: place.pathOf(stage) },
        { known, directory: place.directory, namespace },
      );
    }),
  ];
  return refusals(uses, policies);
}

/** What policies have against working on a cluster at all. */
export function checkCluster(name: string, policies: readonly Policy[]): Refusal[] {
  return refusals([clusterUse(name)], policies);
}

function clusterUse(name: string): Use {
  return { rule: 'clusters', shown: name, values: [name], path: [] };
}

function evaluatedEarly(text: string, scope: Parameters<typeof evaluateTextNow>[1]): string | undefined {
  try {
    return evaluateTextNow(text, scope);
  } catch (error) {
    // It reads what only the run knows; or it is wrong, which its stage will tell.
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

function secretUses(
  secrets: Readonly<Record<string, SecretSource>>,
  agentNamespace: string | undefined,
  { absolute }: PolicyContext,
): Use[] {
  return Object.entries(secrets).map(([name, source]): Use => {
    const path = ['secrets', name];
    switch (source.type) {
      case 'env':
        return {
          rule: 'secrets.env',
          shown: source.variable,
          values: [source.variable],
          path: [...path, 'env'],
        };
      case 'file':
        return {
          rule: 'secrets.files',
          shown: source.path,
          values: [absolute(source.path)],
          path: [...path, 'file'],
        };
      case 'kubernetes': {
        const { namespace = agentNamespace } = source;
        const shown = namespace === undefined ? source.name : `${namespace}/${source.name}`;
        const values = namespace === undefined ? undefined : spellingsOf(shown, literal);
        return { rule: 'secrets.kubernetes', shown, values, path: [...path, 'kubernetes'] };
      }
    }
  });
}

/** What policies have against an agent pod that is about to be made. */
export function checkAgent(spec: AgentSpec, policies: readonly Policy[], ownImage: string): Refusal[] {
  return refusals(agentUses(spec, { known: literal, ownImage }), policies);
}

/** What policies have against a stage that is about to run, its expressions evaluated. */
export function checkStage(
  stage: StageParts,
  policies: readonly Policy[],
  around: { directory: string; namespace: string },
): Refusal[] {
  return refusals(stageUses(stage, { known: literal, ...around }), policies);
}

/** What policies have against objects that are about to be applied. */
export function checkObjects(objects: readonly PlacedObject[], policies: readonly Policy[]): Refusal[] {
  return refusals(objects.flatMap(objectUses), policies);
}

/** Kinds that a release makes for itself: its records, their configuration, its namespace. */
const releaseKinds: readonly string[] = ['ConfigMap', 'Secret', 'Namespace'];

/**
 * What policies have against what is written to a cluster, whatever asked for it: its kind, its place, and its pods.
 * @param object in a namespace only when its kind is: what a record says of it may be forged
 * @param deletes whether it is deleted; a release deletes pods that no manifest names
 */
export function checkWrite(
  object: KubernetesObject,
  policies: readonly Policy[],
  { deletes = false } = {},
): Refusal[] {
  const { apiVersion, kind } = object;
  const isOwn = apiVersion === 'v1' && (releaseKinds.includes(kind) || (deletes && kind === 'Pod'));
  const uses = objectUses({ object, location: `${kind} ${object.metadata.name}` });
  return refusals(
    uses.filter(({ rule }) => !(isOwn && rule === 'deploy.kinds')),
    policies,
  );
}

/** What policies have against opening a connection. */
export function checkHost(
  { host, port }: { host: string; port: number },
  policies: readonly Policy[],
): Refusal[] {
  return refusals([hostUse({ host, port }, literal, ['host'])], policies);
}
