import { InputError } from '../base/errors.ts';

/** `--policy FILE` */
export const policyOption = {
  type: 'string',
  array: true,
  nargs: 1,
  describe: 'limits what the pipeline file may reach; with $SLIPWAY_POLICY, both do (docs/policy.md)',
} as const;

/**
 * The policies in force: those of the command line, and that of the machine.
 * @throws InputError for an empty name: what was to name a policy must not mean that there is none
 */
export function policyFiles(args: Record<string, unknown>, environment = process.env): string[] {
  const given = Array.isArray(args['policy']) ? args['policy'].map(String) : [];
  const { SLIPWAY_POLICY: own } = environment;
  if (own === '')
    throw emptyName('SLIPWAY_POLICY is set, but empty', 'name a policy file, or unset the variable');
  if (given.includes(''))
    throw emptyName('--policy names no file', 'name a policy file, or leave the option out');
  return [...new Set([...(own === undefined ? [] : [own]), ...given])];
}

function emptyName(message: string, hint: string): InputError {
  return new InputError(message, { hint: `${hint}; nothing is done without it` });
}
