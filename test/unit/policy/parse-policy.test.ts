import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parsePolicy, PolicyFileError } from '../../../src/policy/parse-policy.ts';
import { ruleNames } from '../../../src/policy/rules.ts';

const head = 'apiVersion: slipway.dev/v1\nkind: Policy\nname: forks\n';

function errorsOf(text: string): string[] {
  try {
    parsePolicy('policy.yaml', text);
  } catch (error) {
    if (error instanceof PolicyFileError) return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('a policy file', () => {
  it('limits what it names and nothing else', () => {
    const policy = parsePolicy('policy.yaml', `${head}secrets: { env: [CI_*] }\n`);

    expect(policy).toMatchObject({ name: 'forks', file: 'policy.yaml', byDefault: 'allow' });
    expect([...policy.rules.keys()]).toEqual(['secrets.env']);
  });

  it('that is wrong says to machines where', () => {
    expect(() => parsePolicy('policy.yaml', `${head}secret: {}\n`)).toThrow(
      expect.objectContaining({ code: 'policy-file' }),
    );
    const error = new PolicyFileError([
      { code: 'x', severity: 'error', file: 'p.yaml', line: 4, column: 1, path: ['secret'], message: 'no' },
    ]);

    expect(error.toJSON()).toMatchObject({ code: 'policy-file', diagnostics: [{ line: 4, column: 1 }] });
  });

  it('that denies by default limits everything', () => {
    const policy = parsePolicy('policy.yaml', `${head}default: deny\n`);

    expect([...policy.rules.keys()].sort()).toEqual([...ruleNames].sort());
    expect([...policy.rules.values()].every((rule) => !rule.matches('x'))).toBe(true);
  });

  it.each([
    ['kind: Policy\nname: x\n', ['policy.yaml:1:1: "apiVersion" is missing']],
    [
      `${head}secret: {}\n`,
      [expect.stringMatching(/^policy\.yaml:4:1: unknown key "secret" \(did you mean "secrets"\?/)],
    ],
    [
      `${head}agent: { image: [] }\n`,
      [expect.stringMatching(/^policy\.yaml:4:10: unknown key "image" \(did you mean "images"/)],
    ],
    [`${head}agent:\n  images: node\n`, ['policy.yaml:5:11: expected a list, found "node"']],
    [`${head}agent: { privileged: [] }\n`, ['policy.yaml:4:22: expected true or false, found a list']],
    [
      `${head}agent:\n  images:\n    - "!(a)"\n`,
      [expect.stringMatching(/^policy\.yaml:6:7: the pattern "!\(a\)" is not supported/)],
    ],
    [
      `${head}secrets: { kubernetes: [registry] }\n`,
      ['policy.yaml:4:25: "registry": write a Secret as NAMESPACE/NAME'],
    ],
    [`${head}secrets: { files: [token] }\n`, ['policy.yaml:4:20: "token": write an absolute path']],
    [`${head}checkout: { urls: [git.example.com] }\n`, [expect.stringContaining('policy.yaml:4:20: ')]],
    [
      `${head}templates: { required: [] }\n`,
      [expect.stringMatching(/^policy\.yaml:4:1: "templates" is not supported yet/)],
    ],
    [`${head}---\nkind: x\n`, [expect.stringContaining('a policy file must be a single YAML document')]],
    ['top secret\n', [expect.stringContaining('a policy file must be an object')]],
  ])('is refused with its place: %j', (text, expected) => {
    expect(errorsOf(text)).toEqual(expected);
  });

  it('quotes nothing of a file that is no object', () => {
    expect(errorsOf('top secret\n').join('')).not.toContain('top secret');
  });
});

describe('docs/policy.md', () => {
  const page = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8');

  it('has a file that is read as it stands', () => {
    const [, example = ''] = /```yaml\n([^]*?)```/.exec(page) ?? [];

    const policy = parsePolicy('policy.yaml', example);

    expect(policy.name).toBe('forks');
    expect(policy.rules.get('secrets.env')?.matches('CI_TOKEN')).toBe(true);
    expect(policy.rules.get('agent.images')?.matches('docker.io/library/node')).toBe(true);
    expect(policy.rules.get('agent.podTemplate.allow')?.matches('spec/tolerations')).toBe(true);
    expect(policy.rules.get('deploy.namespaces')?.matches('shop-next')).toBe(true);
  });

  it.each(ruleNames)('tells what %s limits', (name) => {
    const [group = '', ...rest] = name.split('.');
    const ofPods = ['agent', 'deploy'].includes(group) && page.includes(`| \`${rest.join('.')}\` |`);

    expect(ofPods || page.includes(`\`${name}\``)).toBe(true);
  });
});
