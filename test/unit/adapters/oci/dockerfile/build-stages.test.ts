import { describe, expect, it } from '@jest/globals';
import { buildStages, neededStages } from '../../../../../src/adapters/oci/dockerfile/build-stages.ts';
import { readDockerfile } from '../../../../../src/adapters/oci/dockerfile/read-dockerfile.ts';

const plan = (
  text: string,
  { given = {}, target }: { given?: Record<string, string>; target?: string } = {},
) => buildStages(readDockerfile(text), new Map(Object.entries(given)), target);

describe('reading a Dockerfile', () => {
  it('knows comments, blank lines, continuations, any case, and where an instruction begins', () => {
    const { instructions } = readDockerfile(
      [
        '\uFEFF# syntax=docker/dockerfile:1',
        '',
        'from scratch as one',
        'ENV A=1 \\',
        '  # a comment between',
        '',
        '  B=2 \\  ',
        '  C="#no comment"',
        'COPY --chown=1:2 \\',
        '  --from=one a \\',
        '  /b\r',
        'LABEL x=y # no comment either',
      ].join('\n'),
    );

    expect(instructions).toEqual([
      { keyword: 'FROM', line: 3, flags: [], text: 'scratch as one' },
      { keyword: 'ENV', line: 4, flags: [], text: 'A=1   B=2   C="#no comment"' },
      {
        keyword: 'COPY',
        line: 9,
        flags: [
          { name: 'chown', value: '1:2' },
          { name: 'from', value: 'one' },
        ],
        text: 'a   /b',
      },
      { keyword: 'LABEL', line: 12, flags: [], text: 'x=y # no comment either' },
    ]);
  });

  it('takes the escape character from its directive', () => {
    const { escape, instructions } = readDockerfile('# escape=`\nFROM scratch\nENV A=C:\\ `\n B=2\n');

    expect(escape).toBe('`');
    expect(instructions[1]?.text).toBe('A=C:\\  B=2');
  });

  it('refuses a file with nothing in it', () => {
    expect(() => readDockerfile('# nothing\n')).toThrow('the Dockerfile has no instructions');
  });
});

describe('the stages of a Dockerfile', () => {
  it('have names, numbers and bases', () => {
    const { stages, target } = plan('FROM node:24 AS Build\nFROM build\nFROM scratch\nFROM BUILD AS last\n');

    expect(stages.map(({ name, base }) => [name, base])).toEqual([
      ['build', { type: 'image', reference: 'node:24' }],
      ['1', { type: 'stage', index: 0 }],
      ['2', { type: 'scratch' }],
      ['last', { type: 'stage', index: 0 }],
    ]);
    expect(target).toBe(3);
  });

  it('take variables of the arguments before the first FROM, the given ones first', () => {
    const text =
      'ARG REGISTRY=docker.io\nARG VERSION=24\nARG IMAGE=$REGISTRY/library/node:${VERSION}\nFROM ${IMAGE}-slim\n';

    expect(plan(text).stages[0]?.base).toEqual({
      type: 'image',
      reference: 'docker.io/library/node:24-slim',
    });
    expect(plan(text, { given: { VERSION: '22' } }).stages[0]?.base).toEqual({
      type: 'image',
      reference: 'docker.io/library/node:22-slim',
    });
  });

  it.each([
    ['one', 0],
    ['ONE', 0],
    ['1', 1],
  ])('are found as target %s', (target, index) => {
    expect(plan('FROM a AS one\nFROM b\nFROM c\n', { target }).target).toBe(index);
  });

  it('are built only where the target needs them', () => {
    const { stages } = plan(
      'FROM a AS a\nFROM b AS b\nFROM a AS c\nCOPY --from=b /x /x\nFROM scratch AS d\nCOPY --from=0 /y /y\nCOPY --from=other/image /z /z\n',
    );

    expect(neededStages(stages, 2)).toEqual([0, 1, 2]);
    expect(neededStages(stages, 3)).toEqual([0, 3]);
  });

  it.each([
    ['ENV A=1\nFROM x\n', /line 1: ENV: only ARG may stand before the first FROM/],
    ['ARG A\n', /has no FROM/],
    ['FROM\n', /line 1: FROM: write it like/],
    ['FROM a AS\n', /line 1: FROM: write it like/],
    ['FROM a AS 1st\n', /line 1: FROM: "1st" is not a name/],
    ['ARG A\nFROM $A\n', /line 2: FROM: "\$A" is empty/],
    ['ARG 1A=x\nFROM a\n', /line 1: ARG: "1A" is not the name of a variable/],
  ])('refuse %j', (text, message) => {
    expect(() => plan(text)).toThrow(message);
  });

  it('say which targets there are', () => {
    expect(() => plan('FROM a AS one\nFROM b\n', { target: 'two' })).toThrow(
      'has no stage two; it has: one, 1',
    );
  });
});
