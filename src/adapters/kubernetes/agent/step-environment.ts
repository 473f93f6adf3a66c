import { InputError } from '../../../base/errors.ts';
import type { Step } from '../../../ports/agent.ts';
import type { Environment, SecretData, Secrets } from '../../../ports/secrets.ts';
import { workspaceDirectory } from './agent-pod.ts';

/** The values of a step's variables; secrets are read here, at the last moment. @throws InputError, SecretError */
export async function environmentOf(
  step: Pick<Step, 'id' | 'env'>,
  secrets: Secrets | undefined,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const values = await resolveEnvironment(step.env, secrets, signal);
  return { CI: 'true', SLIPWAY_WORKSPACE: workspaceDirectory, ...values };
}

/** Every variable as text. */
export async function resolveEnvironment(
  env: Environment,
  secrets: Secrets | undefined,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    switch (value.type) {
      case 'plain':
        values[name] = value.value;
        break;
      case 'secret': {
        if (secrets === undefined)
          throw new InputError(`${name} is taken from a secret, but this agent was given none`);
        values[name] = secretValue(await secrets.read(value.secret, { signal }), value);
        break;
      }
    }
  }
  return values;
}

function secretValue(data: SecretData, { secret, key }: { secret: string; key?: string }): string {
  const [only] = data.size === 1 ? data.keys() : [];
  const wanted = key ?? only ?? 'value';
  const bytes = data.get(wanted);
  if (bytes !== undefined) return bytes.toString('utf8');
  throw new InputError(`the secret "${secret}" has no key "${wanted}"`, {
    hint: `it has: ${[...data.keys()].join(', ')}`,
  });
}
