import type { Readable } from 'node:stream';
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import { SlipwayError } from '../../base/errors.ts';
import type { TestCase, TestSummary } from '../../ports/test-report.ts';

/** A report file is no JUnit XML. */
export class ReportError extends SlipwayError {
  readonly code = 'report';
  readonly fault = 'failure';
}

const failuresKept = 50;
const messageLength = 2000;
const textLength = 500;

/** Adds up JUnit files of any size; only the first failures are kept. */
export class TestCounter {
  #files = 0;
  #seconds = 0;
  readonly #counts = { passed: 0, failed: 0, skipped: 0 };
  readonly #failures: TestCase[] = [];

  /**
   * Reads one file, as JUnit, Surefire, Jest, Node and Gradle write it: `testcase` elements anywhere below the root.
   * @throws ReportError when it is not well-formed XML or has another root
   */
  async add(name: string, content: Readable): Promise<void> {
    const parser = createParser(name, (test) => this.#count(test));
    content.setEncoding('utf8');
    try {
      for await (const chunk of content) parser.write(chunk as string);
      parser.close();
    } catch (error) {
      if (error instanceof ReportError) throw error;
      throw new ReportError(
        `${name} is not well-formed XML: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    }
    this.#files++;
  }

  #count(test: TestCase): void {
    this.#counts[test.outcome]++;
    this.#seconds += test.seconds;
    if (test.outcome === 'failed' && this.#failures.length < failuresKept) this.#failures.push(test);
  }

  /** What all files said together. */
  summary(): TestSummary {
    return { files: this.#files, ...this.#counts, seconds: this.#seconds, failures: this.#failures };
  }
}

function createParser(file: string, found: (test: TestCase) => void): SaxesParser {
  const parser = new SaxesParser();
  const suites: string[] = [];
  let test: TestCase | undefined;
  let inFailure = false;
  let depth = 0;
  parser.on('opentag', (tag: SaxesTagPlain) => {
    if (depth++ === 0 && !['testsuites', 'testsuite'].includes(tag.name)) {
      throw new ReportError(
        `${file} is no JUnit report: its root is <${tag.name}>, not <testsuites> or <testsuite>`,
      );
    }
    if (tag.name === 'testsuite') suites.push(tag.attributes['name'] ?? '');
    else if (tag.name === 'testcase') test = newTest(tag, suites.at(-1) ?? '');
    else if (test !== undefined) {
      if (tag.name === 'failure' || tag.name === 'error') {
        test.outcome = 'failed';
        test.message = (tag.attributes['message'] ?? '').slice(0, messageLength);
        inFailure = test.message === '';
      } else if (tag.name === 'skipped' && test.outcome === 'passed') test.outcome = 'skipped';
    }
  });
  parser.on('text', (text) => {
    if (inFailure && test !== undefined) test.message = ((test.message ?? '') + text).slice(0, textLength);
  });
  parser.on('cdata', (text) => {
    if (inFailure && test !== undefined) test.message = ((test.message ?? '') + text).slice(0, textLength);
  });
  parser.on('closetag', (tag) => {
    depth--;
    if (tag.name === 'testsuite') suites.pop();
    else if (tag.name === 'failure' || tag.name === 'error') inFailure = false;
    else if (tag.name === 'testcase' && test !== undefined) {
      found(test);
      test = undefined;
    }
  });
  return parser;
}

function newTest(tag: SaxesTagPlain, suite: string): TestCase {
  const seconds = Number((tag.attributes['time'] ?? '0').replaceAll(',', ''));
  return {
    suite: tag.attributes['classname'] ?? suite,
    name: tag.attributes['name'] ?? '(no name)',
    outcome: 'passed',
    seconds: Number.isFinite(seconds) ? seconds : 0,
  };
}
