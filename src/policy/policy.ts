import type { Finding } from '../spec/finding.ts';
import { ruleDefinitions, type RuleName } from './rules.ts';

/** One limit of a policy. */
export interface Rule {
  /** As written; none of them: nothing is allowed. */
  patterns: readonly string[];
  /** Whether a pattern is met. */
  matches(value: string): boolean;
}

/** What the operator of a runner lets pipeline files reach; what it has no rule for is not limited. */
export interface Policy {
  name: string;
  /** As the operator named it, for messages. */
  file: string;
  /** What counts for limits that the file does not name. */
  byDefault: 'allow' | 'deny';
  rules: ReadonlyMap<RuleName, Rule>;
}

/** Something that a pipeline wants to reach. */
export interface Use {
  rule: RuleName;
  /** For people. */
  shown: string;
  /** Its spellings, any of which may be what a rule names; undefined: known in the run alone. */
  values: readonly string[] | undefined;
  /** In the pipeline file, or in the input of a stage. */
  path: readonly (string | number)[];
  /** `k8s/web.yaml:12`, for what manifests bring. */
  location?: string;
}

/**
 * What a policy has against something; undefined when it is allowed, or judged only when its value is known. What is
 * known in the run alone is refused already where nothing of its kind is allowed.
 */
export function refusal(use: Use, policy: Policy): Pick<Finding, 'message' | 'hint'> | undefined {
  const rule = policy.rules.get(use.rule);
  if (rule === undefined) return undefined;
  const { subject, refuses, form } = ruleDefinitions[use.rule];
  const isMet = use.values?.some((value) => rule.matches(value));
  const isRefused =
    refuses === true ? isMet === true : isMet === undefined ? rule.patterns.length === 0 : !isMet;
  if (!isRefused) return undefined;
  const what = form === 'switch' ? subject : `${subject} ${use.shown}`;
  return {
    message: `policy ${policy.name} does not allow ${what} (${use.rule})`,
    hint: hintOf(rule, use.rule),
  };
}

function hintOf({ patterns }: Rule, name: RuleName): string {
  const { form, refuses, instead } = ruleDefinitions[name];
  if (refuses === true) return `refused: ${patterns.join(', ')}`;
  if (form === 'switch') return 'only the operator of the runner can allow it';
  if (patterns.length > 0) return `allowed: ${patterns.join(', ')}`;
  return ['the policy allows none', ...(instead === undefined ? [] : [instead])].join('; ');
}
