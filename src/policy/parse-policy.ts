import { defined } from '../base/defined.ts';
import { InputError } from '../base/errors.ts';
import { compileGlob } from '../base/glob.ts';
import * as z from '../base/zod.ts';
import { DiagnosticsError } from '../spec/diagnostic.ts';
import type { Finding } from '../spec/finding.ts';
import { readSchema, valueAt } from '../spec/schema-findings.ts';
import { apiVersion } from '../spec/schema/document.ts';
import { dnsLabel } from '../spec/schema/scalars.ts';
import { readSourceDocument } from '../spec/source-document.ts';
import type { Policy, Rule } from './policy.ts';
import { ruleDefinitions, ruleNames, type RuleName } from './rules.ts';

/** The policy file is wrong. */
export class PolicyFileError extends DiagnosticsError {
  override readonly code = 'policy-file';
}

/** Keys that a policy will have when there is something for them to limit; refused, never ignored. */
const notSupportedYet = {
  templates: 'pipeline files have no templates yet (`extends`), so none can be required',
};

type Tree = Map<string, z.ZodMiniType | Tree>;

/** The schema of a policy file; made of the table of rules, so that the two cannot differ. */
function policySchema(): z.ZodMiniObject {
  const tree: Tree = new Map();
  for (const name of ruleNames) {
    const keys = name.split('.');
    const leaf = keys.pop() ?? name;
    let at = tree;
    for (const key of keys) {
      const next = at.get(key);
      const group = next instanceof Map ? next : (new Map() as Tree);
      at.set(key, group);
      at = group;
    }
    at.set(leaf, limit(name));
  }
  return z.strictObject({
    apiVersion: z.literal(apiVersion),
    kind: z.literal('Policy'),
    name: z.described('Names the policy in messages.', dnsLabel),
    default: z.described(
      'deny: what this file does not name is not allowed. Default: allow.',
      z.optional(z.enum(['allow', 'deny'])),
    ),
    ...shapeOf(tree),
  });
}

function shapeOf(tree: Tree): Record<string, z.ZodMiniType> {
  return Object.fromEntries(
    [...tree].map(([key, item]) => [
      key,
      item instanceof Map ? z.optional(z.strictObject(shapeOf(item))) : item,
    ]),
  );
}

function limit(name: RuleName): z.ZodMiniType {
  const { form, description } = ruleDefinitions[name];
  const value = form === 'switch' ? z.boolean() : z.array(entry(name));
  return z.described(description, z.optional(value as z.ZodMiniType));
}

function entry(name: RuleName): z.ZodMiniType {
  const text = z.string().check(z.minLength(1));
  if (name === 'secrets.kubernetes')
    return text.check(z.regex(/^[^/]+\/[^/]+$/, 'write a Secret as NAMESPACE/NAME'));
  if (/(^secrets\.files|\.hostPaths)$/.test(name))
    return text.check(z.regex(/^\//, 'write an absolute path'));
  return name === 'checkout.urls'
    ? text.check(
        z.regex(/^(https?|ssh|file):\/\/\S+$/, 'write https://HOST/PATH, ssh://HOST/PATH or file:///PATH'),
      )
    : text;
}

/**
 * Reads a policy file.
 * @param file as messages call it
 * @throws PolicyFileError with every error, its line and column
 */
export function parsePolicy(file: string, text: string): Policy {
  const source = readSourceDocument(file, text, 'a policy file');
  if (source.diagnostics.length > 0) throw new PolicyFileError(source.diagnostics);
  const { value } = source;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const message = 'a policy file must be an object';
    throw new PolicyFileError([source.locate({ code: 'type', path: [], message })]);
  }
  const { data, findings } = readSchema(policySchema(), value, { refused: notSupportedYet });
  const rules = new Map<RuleName, Rule>();
  for (const name of ruleNames) {
    const path = name.split('.');
    const written = valueAt(data, path);
    const patterns = typeof written === 'boolean' ? (written ? ['**'] : []) : written;
    if (!Array.isArray(patterns)) continue;
    const compiled = patterns.map((pattern: string, index) =>
      compile(name, pattern, [...path, index], findings),
    );
    rules.set(name, {
      patterns: patterns as string[],
      matches: (candidate) => compiled.some((matches) => matches(candidate)),
    });
  }
  if (data === undefined || findings.length > 0) throw new PolicyFileError(findings.map(source.locate));
  const { name, default: byDefault = 'allow' } = data as { name: string; default?: Policy['byDefault'] };
  closeWhatIsNotNamed(rules, byDefault);
  return { name, file, byDefault, rules };
}

function compile(
  name: RuleName,
  pattern: string,
  path: readonly (string | number)[],
  findings: Finding[],
): (value: string) => boolean {
  try {
    const glob = ruleDefinitions[name].form === 'fields' ? pattern.replaceAll('.', '/') : pattern;
    return compileGlob(glob, { dot: true });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    findings.push({ code: 'pattern', path, message: error.message, ...defined({ hint: error.hint }) });
    return () => false;
  }
}

const nothing: Rule = { patterns: [], matches: () => false };

/** A file that names its namespaces does not mean that objects without one may be released. */
function closeWhatIsNotNamed(rules: Map<RuleName, Rule>, byDefault: Policy['byDefault']): void {
  if (rules.has('deploy.namespaces') && !rules.has('deploy.clusterKinds'))
    rules.set('deploy.clusterKinds', nothing);
  if (byDefault === 'allow') return;
  for (const name of ruleNames) if (!rules.has(name)) rules.set(name, nothing);
}
