import { SlipwayError } from '../base/errors.ts';
import { defined } from '../base/defined.ts';
import { hasTemplate } from '../expressions/template.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import type { Environment, SecretData, Secrets } from '../ports/secrets.ts';
import { PipelineFileError } from '../spec/diagnostic.ts';
import type { Finding } from '../spec/finding.ts';
import { placesAt } from '../spec/places.ts';
import { stageDefinitions } from './stage-definitions.ts';
import { isLeftOut } from './left-out.ts';
import { stagePaths } from './stage-paths.ts';
import type { PlannedFile } from './plan-file.ts';

type Path = readonly (string | number)[];

/** A secret where the file takes it. */
interface SecretUse {
  secret: string;
  /** Missing where the file names none. */
  key?: string;
  /** A stage takes all of it, and knows itself which keys it needs. */
  isWhole?: true;
  path: Path;
}

/**
 * Reads every secret that the plan takes, so that one that is not there is found before anything is made. A secret that
 * only stages take whose condition is false already is left alone.
 * @throws PipelineFileError that names every secret and key that is not there; ClusterError when a cluster does not answer
 */
export async function checkSecrets(
  { planned, plan }: { planned: PlannedFile; plan: Plan },
  secrets: Secrets,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  const uses = await secretUses(planned, plan);
  const names = [...new Set(uses.map(({ secret }) => secret))];
  const read = await Promise.all(names.map((name) => readSecret(name, secrets, signal)));
  const findings = read.flatMap((found, index): Finding[] => {
    const name = names[index] ?? '';
    if (found instanceof SlipwayError) {
      const { code, message, hint } = found;
      return [{ code, path: ['secrets', name], at: 'key', message, ...defined({ hint }) }];
    }
    return uses.filter(({ secret }) => secret === name).flatMap((use) => missingKey(use, found));
  });
  if (findings.length === 0) return;
  const diagnostics = findings.map((finding) => planned.locate(finding));
  throw new PipelineFileError(diagnostics.sort((a, b) => a.line - b.line || a.column - b.column));
}

/** Its values, or why it is not there; trouble with the cluster is thrown. */
async function readSecret(
  name: string,
  secrets: Secrets,
  signal: AbortSignal,
): Promise<SecretData | SlipwayError> {
  try {
    return await secrets.read(name, { signal });
  } catch (error) {
    if (error instanceof SlipwayError && error.fault === 'input') return error;
    throw error;
  }
}

function missingKey({ secret, key, isWhole, path }: SecretUse, data: SecretData): Finding[] {
  const [only] = data.size === 1 ? data.keys() : [];
  const wanted = key ?? only ?? 'value';
  if (isWhole === true || data.has(wanted)) return [];
  const message = `the secret "${secret}" has no key "${wanted}"`;
  return [{ code: 'secret', path, message, hint: `it has: ${[...data.keys()].join(', ')}` }];
}

async function secretUses(planned: PlannedFile, plan: Plan): Promise<SecretUse[]> {
  const paths = stagePaths(planned.pipeline);
  const uses = [
    ...inEnvironment(plan.env, ['env']),
    ...Object.values(plan.agents).flatMap(({ containers, services }) => [
      ...containers.flatMap(({ name, env }) => inEnvironment(env, ['agent', 'containers', name, 'env'])),
      ...services.flatMap(({ name, env }) => inEnvironment(env, ['agent', 'services', name, 'env'])),
    ]),
  ];
  for (const node of plan.nodes) {
    if (await isLeftOut(node, plan)) continue;
    const path = paths.get(node.stage) ?? [];
    uses.push(...inEnvironment(node.env, [...path, 'env']), ...inInput(node, path));
  }
  // Cells of a matrix take the same ones.
  return [...new Map(uses.map((use) => [JSON.stringify(use), use])).values()];
}

function inEnvironment(env: Environment, path: Path): SecretUse[] {
  return Object.entries(env).flatMap(([variable, value]) => {
    if (value.type === 'plain') return [];
    const { secret, key } = value;
    return [{ secret, ...defined({ key }), path: [...path, variable] }];
  });
}

/** By the fields of a stage that name secrets; a name that an expression gives is not known yet. */
function inInput({ kind, input }: PlanNode, path: Path): SecretUse[] {
  const { secretNames = [] } = stageDefinitions.find(({ key }) => key === kind) ?? {};
  return secretNames
    .flatMap((dotted) => placesAt(input, dotted))
    .flatMap(({ value, path: inside }): SecretUse[] =>
      typeof value === 'string' && !hasTemplate(value)
        ? [{ secret: value, isWhole: true, path: [...path, ...inside] }]
        : [],
    );
}
