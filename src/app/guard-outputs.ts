import type { Masker } from '../base/mask.ts';
import type { AnyStageKind, StageContext, StageResult } from '../ports/stage.ts';

/**
 * Keeps what a script puts out free of secrets: outputs and environment for later stages are kept in the run's record,
 * which more people may read than the secrets. A value that holds one is left out, and that is said. Kinds that run no
 * script of the file put out what they know themselves, and are left as they are.
 */
export function guardOutputs(kind: AnyStageKind, masker: Masker): AnyStageKind {
  if (kind.definition.scripts.length === 0) return kind;
  return {
    ...kind,
    run: async (input, context) => {
      const result = await kind.run(input, context);
      return {
        ...result,
        outputs: await withoutSecrets('output', result.outputs, { masker, context }),
        environment: await withoutSecrets('environment', result.environment, { masker, context }),
      };
    },
  };
}

async function withoutSecrets(
  what: 'output' | 'environment',
  values: StageResult['outputs'],
  { masker, context }: { masker: Masker; context: StageContext },
): Promise<Record<string, string>> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    if (masker.text(value) === value) {
      kept[name] = value;
      continue;
    }
    const message = `${what} ${name} holds a secret and is left out: let later stages take the secret by its name`;
    await context.emit({ type: 'notice', stage: context.stage.name, level: 'warning', message });
  }
  return kept;
}
