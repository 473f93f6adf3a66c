/** Names that an expression may begin with; the last three are those of a release's analyses. */
export const expressionRoots = [
  'params',
  'env',
  'git',
  'trigger',
  'run',
  'stages',
  'matrix',
  'candidate',
  'stable',
  'result',
] as const;

/** One of them. */
export type ExpressionRoot = (typeof expressionRoots)[number];

/** Keys of `trigger` that are always there, empty when the trigger has no such thing. */
export const triggerKeys = ['type', 'ref', 'sha', 'branch', 'tag', 'actor', 'pullRequest', 'baseBranch'];

/** Keys of `git` that are always there, empty before the checkout. */
export const gitKeys = ['url', 'ref', 'sha', 'shortSha', 'branch', 'tag', 'author', 'message'];
