import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { InputError, messageOf } from '../base/errors.ts';
import { foreignTree, isInside } from '../base/files/foreign-tree.ts';
import { readRegularFile } from '../base/files/read-file.ts';
import { checkCluster, type PolicyContext } from '../policy/check.ts';
import type { Policy } from '../policy/policy.ts';
import { ruleDefinitions } from '../policy/rules.ts';
import { defaultAgentImage } from './default-agent-image.ts';
import type { Finding } from './doctor.ts';
import { PolicyError } from './policy-error.ts';

/** Bytes of the largest policy that is read. */
const largestPolicy = 256 * 1024;

/**
 * Reads the policies of this runner; all of them are in force. None may be inside the tree that it limits: those who
 * may push there would write their own limits.
 * @param directory absolute folder of the pipeline file, where one is given
 * @throws InputError, PolicyFileError, RefusedPathError
 */
export async function readPolicies(files: readonly string[], directory?: string): Promise<Policy[]> {
  if (files.length === 0) return [];
  const { parsePolicy } = await import('../policy/parse-policy.ts');
  const trees = await foreignTrees([process.cwd(), directory ?? process.cwd()]);
  return Promise.all(
    files.map(async (file) => {
      const actual = await realpath(file).catch((error: unknown) => {
        throw unreadable(file, error);
      });
      const tree = trees.find((each) => isInside(each, path.resolve(file)) || isInside(each, actual));
      if (tree !== undefined) {
        throw new InputError(`the policy ${file} is inside ${tree}, which it limits`, {
          hint: 'keep policies where pipeline files cannot change them, e.g. /etc/slipway/policy.yaml',
        });
      }
      const bytes = await readRegularFile(file, { largest: largestPolicy }).catch((error: unknown) => {
        throw error instanceof InputError ? error : unreadable(file, error);
      });
      return parsePolicy(file, bytes.toString('utf8'));
    }),
  );
}

function unreadable(file: string, error: unknown): InputError {
  return new InputError(`the policy ${file} cannot be read: ${messageOf(error)}`, {
    hint: 'it is named by --policy or SLIPWAY_POLICY; nothing is done without it',
    cause: error,
  });
}

/** By name and where they really lie. */
async function foreignTrees(folders: readonly string[]): Promise<string[]> {
  const trees = new Set<string>();
  for (const folder of folders) {
    const tree = await foreignTree(folder);
    if (tree === undefined) continue;
    trees.add(tree);
    trees.add(await realpath(tree));
  }
  return [...trees];
}

/** What policies need to know of a file. */
export function policyContext(directory: string): PolicyContext {
  return { directory, absolute: (file) => path.resolve(file), ownImage: defaultAgentImage };
}

/** @throws PolicyError when a policy does not allow the cluster */
export function assertCluster(name: string, policies: readonly Policy[]): void {
  PolicyError.assertNone(checkCluster(name, policies));
}

/** What a policy limits, for `pipeline doctor`: a line for each limit. */
export function describePolicy({ name, file, byDefault, rules }: Policy): Finding {
  const limits = [...rules].map(([rule, { patterns }]) => {
    const { form, refuses } = ruleDefinitions[rule];
    if (form === 'switch') return `${rule}: ${patterns.length === 0 ? 'no' : 'yes'}`;
    const listed = patterns.length === 0 ? 'none' : patterns.join(', ');
    return `${rule}: ${refuses === true ? 'refuses ' : ''}${listed}`;
  });
  const others = byDefault === 'deny' ? 'nothing else is allowed' : 'all else is allowed';
  const message = [`policy ${name} (${file}) is in force; ${others}`, ...limits].join('\n    ');
  return { check: 'policy', state: 'ok', message };
}
