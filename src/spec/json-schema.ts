import { defined } from '../base/defined.ts';
import * as z from '../base/zod.ts';
import type { StageDefinition } from '../ports/stage.ts';
import { apiVersion, document } from './schema/document.ts';
import { commonFields } from './schema/stage.ts';

/** A JSON Schema as plain data. */
export type JsonSchema = Record<string, unknown>;

type JsonNode = z.core.JSONSchema.BaseSchema;

const template = { type: 'string', pattern: '\\$\\{\\{', description: 'An expression: ${{ … }}' } as const;

/**
 * The JSON Schema (2020-12) of the pipeline file, for editors and other tools; made from the schemas that check the
 * file, so the two cannot differ. What only the file as a whole tells (names, cycles, expressions) is not in it.
 */
export function pipelineJsonSchema(definitions: readonly StageDefinition[]): JsonSchema {
  const { stages: _stages, finally: _finally, ...top } = document.shape;
  const { $schema, properties, required, ...rest } = schemaOf(z.strictObject(top));
  const listOfStages = { type: 'array', items: { $ref: '#/$defs/stage' } };
  return {
    $schema,
    $id: `https://${apiVersion}/pipeline.schema.json`,
    title: 'Slipway pipeline',
    ...rest,
    properties: {
      ...properties,
      stages: {
        ...listOfStages,
        minItems: 1,
        description: 'In the order they run, unless `needs` says otherwise.',
      },
      finally: { ...listOfStages, description: 'Run at the end, whatever happened.' },
    },
    required: [...(required ?? []), 'stages'],
    $defs: {
      stage: { oneOf: definitions.map((kind) => ({ $ref: `#/$defs/${kind.key}Stage` })) },
      ...Object.assign({}, ...definitions.map(stageDefinitions)),
    },
  };
}

function schemaOf(schema: z.ZodMiniType, override?: (json: JsonNode) => void): JsonNode {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // zod names its own formats (`starts_with`) beside the pattern that says the same.
      if (jsonSchema.pattern !== undefined) delete jsonSchema.format;
      override?.(jsonSchema);
    },
  });
}

/** The schema of one kind of stage, and what it refers to, all named after the kind. */
function stageDefinitions(kind: StageDefinition): JsonSchema {
  const common = schemaOf(z.strictObject(commonFields));
  const own = schemaOf(z.strictObject({ ...kind.fields }), allowTemplate);
  const prefix = `${kind.key}Stage`;
  const named = (value: unknown) => renameReferences(value, prefix);
  const definitions = Object.entries(own.$defs ?? {}).map(([name, schema]) => [prefix + name, named(schema)]);
  return {
    [prefix]: {
      type: 'object',
      properties: { ...common.properties, ...(named(own.properties ?? {}) as JsonSchema) },
      required: [...new Set([...(common.required ?? []), ...(own.required ?? []), kind.key])],
      additionalProperties: false,
    },
    ...(Object.fromEntries(definitions) as JsonSchema),
  };
}

/** Parts that several kinds call by the same name must not meet. */
function renameReferences(value: unknown, prefix: string): unknown {
  if (Array.isArray(value)) return value.map((item) => renameReferences(item, prefix));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) =>
      key === '$ref' && typeof item === 'string'
        ? [key, item.replace('#/$defs/', `#/$defs/${prefix}`)]
        : [key, renameReferences(item, prefix)],
    ),
  );
}

/** Lets an expression stand for every value that is not a free string already. */
function allowTemplate(json: JsonNode): void {
  const isLeaf =
    json.type !== 'object' && json.type !== 'array' && (json.type !== undefined || json.enum !== undefined);
  const isFree =
    json.type === 'string' &&
    json.enum === undefined &&
    json.pattern === undefined &&
    json.format === undefined;
  if (!isLeaf || isFree || json.anyOf !== undefined || json.const !== undefined) return;
  const { description, default: preset, ...value } = json;
  for (const key of Object.keys(json)) Reflect.deleteProperty(json, key);
  Object.assign(json, {
    ...defined({ description, default: preset }),
    anyOf: [value, template],
  });
}
