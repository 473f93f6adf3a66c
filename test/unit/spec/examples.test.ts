import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { stageDefinitions } from '../../../src/app/stage-definitions.ts';
import { pipelineJsonSchema } from '../../../src/spec/json-schema.ts';
import { parsePipeline } from '../../../src/spec/parse-pipeline.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const validate = new Ajv2020({
  strict: false,
  allErrors: true,
  formats: { uri: (text: string) => URL.canParse(text) },
}).compile(pipelineJsonSchema(stageDefinitions));
const examples = globSync('examples/*/app.yaml', { cwd: root }).sort();
const fences = readFileSync(path.join(root, 'docs/pipeline-file.md'), 'utf8').matchAll(
  /```yaml\n(apiVersion[^`]*)```/g,
);
const documented = [...fences].map(([, text], index): [string, string] => [
  `docs/pipeline-file.md, file ${String(index + 1)}`,
  text ?? '',
]);

describe('the files that we show', () => {
  it.each([
    ...examples.map((file): [string, string] => [file, readFileSync(path.join(root, file), 'utf8')]),
    ...documented,
  ])('%s is valid, for us and for the JSON Schema', (file, text) => {
    expect(parsePipeline({ file, text, definitions: stageDefinitions })).toMatchObject({
      ok: true,
      warnings: [],
    });
    expect(validate(parse(text)) ? [] : validate.errors).toEqual([]);
  });

  it('are there', () => {
    expect(examples.length).toBeGreaterThan(2);
    expect(documented.length).toBeGreaterThan(0);
  });
});
