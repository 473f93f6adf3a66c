import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { TestCounter } from '../../../../src/stages/run/junit.ts';

async function count(...files: string[]) {
  const counter = new TestCounter();
  for (const [index, text] of files.entries()) {
    await counter.add(
      `report-${String(index)}.xml`,
      Readable.from([Buffer.from(text)], { objectMode: false }),
    );
  }
  return counter.summary();
}

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

  it.each([
    ['cut off XML', '<testsuite><testcase name="a">', 'report-0.xml is not well-formed XML'],
    ['another document', '<html></html>', 'report-0.xml is no JUnit report: its root is <html>'],
    ['an empty file', '', 'report-0.xml is not well-formed XML'],
  ])('refuses %s', async (_name, text, message) => {
    await expect(count(text)).rejects.toThrow(message);
  });
});
