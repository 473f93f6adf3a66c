import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TestCounter } from '../../../../src/stages/run/junit.ts';
import { cases } from '../../../support/cases.ts';

async function read(...files: (string | Buffer)[]) {
  const counter = new TestCounter();
  for (const [index, text] of files.entries()) {
    await counter.add(`report-${String(index)}.xml`, inPieces(Buffer.from(text as string)));
  }
  return counter;
}

/** So that characters and tags are cut in two. */
function inPieces(bytes: Buffer, length = 7): Readable {
  const pieces = function* () {
    for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
  };
  return Readable.from(pieces(), { objectMode: false });
}

const count = async (...files: (string | Buffer)[]) => (await read(...files)).summary();

describe('JUnit reports', () => {
  it('adds up the tests of several files', async () => {
    const surefire =
      '<?xml version="1.0"?><testsuite name="s"><testcase classname="A" name="ok" time="0.5"/>' +
      '<testcase classname="A" name="bad" time="1,000.25"><failure message="expected 1">at A.java:7</failure></testcase></testsuite>';
    const node =
      '<testsuites><testcase name="skips" time="0"><skipped/></testcase><testsuite name="inner">' +
      '<testcase name="errs"><error><![CDATA[boom\nmore]]></error></testcase></testsuite></testsuites>';

    const summary = await count(surefire, node);

    expect(summary).toMatchObject({ files: 2, passed: 1, failed: 2, skipped: 1, seconds: 1000.75 });
    expect(summary.failures).toEqual([
      { suite: 'A', name: 'bad', outcome: 'failed', seconds: 1000.25, message: 'expected 1' },
      { suite: 'inner', name: 'errs', outcome: 'failed', seconds: 0, message: 'boom\nmore' },
    ]);
  });

  it('counts a test with system output and no failure as passed', async () => {
    expect(
      await count('<testsuite><testcase name="a"><system-out>noise</system-out></testcase></testsuite>'),
    ).toMatchObject({
      passed: 1,
      failed: 0,
    });
  });

  it('keeps the first 50 failures only, and counts them all', async () => {
    const failing = '<testcase name="x"><failure message="no"/></testcase>'.repeat(80);

    const summary = await count(`<testsuite>${failing}</testsuite>`);

    expect(summary.failed).toBe(80);
    expect(summary.failures).toHaveLength(50);
  });

  it('replaces what XML does not allow, and says how much', async () => {
    const escapes =
      '<testsuite><testcase name="a"><failure message="\u001b[31mno\u001b[0m\u0000">x</failure></testcase></testsuite>';

    const counter = await read(escapes);

    expect(counter.summary().failures).toMatchObject([{ message: '\uFFFD[31mno\uFFFD[0m\uFFFD' }]);
    expect(counter.warnings).toEqual([
      'report-0.xml: 3 characters that are not allowed in XML or could not be decoded were replaced',
    ]);
    expect(counter.error).toBeUndefined();
  });

  const text = '<testsuite><testcase name="日本 é"/></testsuite>';
  const latin =
    '<?xml version="1.0" encoding="ISO-8859-1"?><testsuite><testcase name="é"/><testcase name="x"><error/></testcase></testsuite>';
  it.each([
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${text}`)],
    ['UTF-16, little end first, with a mark', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['UTF-16, big end first, with a mark', Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
    ['UTF-16 without a mark', Buffer.from(`<?xml version="1.0" encoding="UTF-16"?>${text}`, 'utf16le')],
    ['UTF-8 that says UTF-16', Buffer.from(`<?xml version="1.0" encoding="utf-16"?>${text}`)],
    ['an encoding that nobody knows', Buffer.from(`<?xml version="1.0" encoding="klingon"?>${text}`)],
    ['ISO-8859-1', Buffer.from(latin, 'latin1')],
  ])('reads %s', async (_name, bytes) => {
    const counter = await read(bytes);

    expect(counter.summary()).toMatchObject({ files: 1, passed: 1 });
    expect(counter.warnings).toEqual([]);
    expect(counter.error).toBeUndefined();
  });

  it('reads names as they are in each encoding', async () => {
    const failing = (name: string) =>
      `<testsuite><testcase name="${name}"><failure message="no"/></testcase></testsuite>`;
    const { failures } = await count(
      Buffer.from(`\uFEFF${failing('日本 é')}`, 'utf16le'),
      Buffer.from(`<?xml version='1.0' encoding='windows-1252'?>${failing('é')}`, 'latin1'),
      failing('日本 😀'),
    );

    expect(failures.map(({ name }) => name)).toEqual(['日本 é', 'é', '日本 😀']);
  });

  it('counts what can be read of a file that is cut off, and says so', async () => {
    const whole =
      '<testsuites><testsuite name="s"><testcase name="a"/><testcase name="b"><failure message="no"/></testcase>';

    const counter = await read(`${whole}<testcase name="c"><fail`);

    expect(counter.summary()).toMatchObject({ files: 1, passed: 1, failed: 1 });
    expect(counter.warnings).toEqual([
      expect.stringMatching(
        /^report-0\.xml is not well-formed XML \(\d+:\d+: .*\): the tests that could be read count$/,
      ),
    ]);
    expect(counter.error).toBeUndefined();
  });

  it('goes on behind a reference to a character that is none', async () => {
    const odd = '<testsuite><testcase name="&#27;[1m"/><testcase name="b"/></testsuite>';

    const counter = await read(odd);

    expect(counter.summary()).toMatchObject({ passed: 2 });
    expect(counter.warnings).toHaveLength(1);
  });

  it('says ten problems, and how many more there are', async () => {
    const { warnings } = await read(...Array.from({ length: 25 }, () => '<testsuite>'));

    expect(warnings).toHaveLength(11);
    expect(warnings.at(-1)).toBe('15 more report files like these');
  });

  it('takes any bytes in any pieces without failing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 1, max: 9 }),
        async (bytes, length) => {
          const counter = new TestCounter();
          await counter.add(
            'a.xml',
            inPieces(Buffer.concat([Buffer.from('<testsuite><testcase/>'), bytes]), length),
          );
          expect(counter.summary().passed + counter.summary().failed).toBeGreaterThanOrEqual(1);
        },
      ),
      { numRuns: cases(50) },
    );
  });

  it.each([
    ['another document', '<html><testcase/></html>', 'report-0.xml is no JUnit report: its root is <html>'],
    ['an empty file', '', 'report-0.xml is not well-formed XML'],
    ['no XML', 'ok 1 - adds\n', 'report-0.xml is not well-formed XML'],
  ])('says that %s is no report, and counts the others', async (_name, bad, message) => {
    const counter = await read(bad, text);

    expect(counter.error?.message).toContain(message);
    expect(counter.summary()).toMatchObject({ files: 1, passed: 1, failed: 0 });
  });
});
