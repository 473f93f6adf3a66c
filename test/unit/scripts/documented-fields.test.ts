import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { stageDefinitions } from '../../../src/app/stage-definitions.ts';
import { pipelineJsonSchema } from '../../../src/spec/json-schema.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** The names in the first column of the tables below a heading, up to the next heading. */
function documented(heading: string): string[] {
  const [, section = ''] = read('docs/pipeline-file.md').split(`\n### \`${heading}\`\n`);
  return [...(section.split('\n### ')[0] ?? '').matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name);
}

interface Fields {
  properties: Record<string, Fields>;
}

describe('docs/pipeline-file.md', () => {
  const { $defs } = pipelineJsonSchema(stageDefinitions) as unknown as { $defs: Record<string, Fields> };
  const fieldsOf = (kind: string) => $defs[`${kind}Stage`]!.properties;

  it('has every field of checkout', () => {
    expect(documented('checkout').sort()).toEqual(
      Object.keys(fieldsOf('checkout')['checkout']!.properties).sort(),
    );
  });

  it('has every field of run that other kinds do not have', () => {
    const common = Object.keys(fieldsOf('checkout'));
    const own = Object.keys(fieldsOf('run')).filter((field) => !common.includes(field));

    expect(documented('run').sort()).toEqual(own.sort());
  });
});

describe('what a reader is told to run', () => {
  it('is never the package `pipeline` of the public registry, which is another’s', () => {
    const files = globSync(['README.md', 'docs/*', 'examples/**/*', 'scripts/**/*.ts', 'src/**/*.ts'], {
      cwd: root,
    });
    const texts = files.filter((file) => /\.(?:md|ts|svg|yaml)$|Jenkinsfile$/.test(file));

    expect(texts.length).toBeGreaterThan(300);
    const told = texts.filter((file) =>
      /npx[\s\u00a0]pipeline/.test(read(file).replace('do not run `npx pipeline`', '')),
    );
    expect(told).toEqual([]);
  });
});
