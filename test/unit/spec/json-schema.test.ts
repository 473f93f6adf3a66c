import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { pipelineJsonSchema } from '../../../src/spec/json-schema.ts';
import { pipelineOf } from '../../fakes/run-harness.ts';
import { testDefinitions } from '../../fakes/stage-kinds.ts';

const validate = new Ajv2020({ strict: false, allErrors: true }).compile(pipelineJsonSchema(testDefinitions));

describe('the JSON Schema of the pipeline file', () => {
  it.each([
    ['the smallest file', 'stages: [{name: a, run: b}]'],
    [
      'a file with everything',
      `
parameters: {p: {type: choice, options: [a], default: a}}
env: {A: 1, B: true, C: {secret: s, key: k}}
secrets: {s: {kubernetes: {name: x}}, t: {env: T}}
agent:
  containers: {node: {image: "node:24", resources: {requests: {cpu: 500m}}}}
  services: {db: {image: "postgres:16", ready: {tcp: 5432}}}
timeout: 1h30m
stages:
  - {name: a, checkout: {depth: 1}}
  - {name: b, run: c, needs: [a], when: 'true', matrix: {x: [1, "2", true]}, retry: {max: 1, on: [failure], backoff: 1s}}
finally: [{name: c, run: d, allowFailure: true, timeout: 90s}]`,
    ],
    ['an expression for a number', 'stages: [{name: a, checkout: {depth: "${{ params.depth }}"}}]'],
  ])('accepts %s', (_what, text) => {
    expect(validate(parse(pipelineOf(text)))).toBe(true);
  });

  it.each([
    ['an unknown key', 'stages: [{name: a, run: b}]\nextra: 1'],
    ['no stages', 'timeout: 1h'],
    ['a stage without a kind', 'stages: [{name: a}]'],
    ['a stage of two kinds', 'stages: [{name: a, run: b, checkout: {}}]'],
    ['a text for a number', 'stages: [{name: a, checkout: {depth: deep}}]'],
    ['a duration without a unit', 'stages: [{name: a, run: b, timeout: "90"}]'],
    ['a name that is no DNS label', 'stages: [{name: A_b, run: b}]'],
  ])('refuses %s', (_what, text) => {
    expect(validate(parse(pipelineOf(text)))).toBe(false);
  });

  it('describes keys for editors', () => {
    const schema = pipelineJsonSchema(testDefinitions) as {
      $schema: string;
      properties: Record<string, { description?: string }>;
    };

    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema.properties['timeout']?.description).toContain('Default: 1h');
  });
});
