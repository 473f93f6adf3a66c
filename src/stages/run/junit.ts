import type { Readable } from 'node:stream';
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import { SlipwayError } from '../../base/errors.ts';
import type { TestCase, TestSummary } from '../../ports/test-report.ts';
import { XmlText } from './xml-text.ts';

/** Report files are no JUnit XML. */
export class ReportError extends SlipwayError {
  readonly code = 'report';
  readonly fault = 'failure';
}

const failuresKept = 50;
/** Of each kind; there may be thousands of files. */
const problemsKept = 10;
const messageLength = 2000;
const textLength = 500;

/** Adds up JUnit files of any size; only the first failures are kept. */
export class TestCounter {
  #files = 0;
  #seconds = 0;
  readonly #counts = { passed: 0, failed: 0, skipped: 0 };
  readonly #failures: TestCase[] = [];
  readonly #warnings = new Problems();
  readonly #unusable = new Problems();

  /**
   * Reads one file, as JUnit, Surefire, Jest, Node and Gradle write it: `testcase` elements anywhere below the root. Of
   * one that is cut off or not well-formed, what can be read counts, and a warning says so; one with another root, or
   * none, is unusable.
   */
  async add(name: string, content: Readable): Promise<void> {
    const text = new XmlText();
    const reading = createParser((test) => this.#count(test));
    const { parser } = reading;
    let broken: string | undefined;
    parser.on('error', ({ message }) => (broken ??= message.replace(/\.$/, '')));
    for await (const part of text.read(content)) {
      parser.write(part);
      if (isOther(reading.root)) break;
    }
    if (!isOther(reading.root)) parser.close();
    if (reading.root === undefined) {
      this.#unusable.add(`${name} is not well-formed XML: ${broken ?? 'it is empty'}`);
      return;
    }
    if (isOther(reading.root)) {
      const found = `its root is <${reading.root}>, not <testsuites> or <testsuite>`;
      this.#unusable.add(`${name} is no JUnit report: ${found}`);
      return;
    }
    this.#files++;
    if (text.replaced > 0) {
      const which = 'that are not allowed in XML or could not be decoded';
      this.#warnings.add(`${name}: ${String(text.replaced)} characters ${which} were replaced`);
    }
    if (broken !== undefined) {
      this.#warnings.add(`${name} is not well-formed XML (${broken}): the tests that could be read count`);
    }
  }

  /** What was not as it should be in files that count; bounded. */
  get warnings(): readonly string[] {
    return this.#warnings.lines;
  }

  /** The error for files that are no JUnit reports; undefined when there are none. */
  get error(): ReportError | undefined {
    const { lines } = this.#unusable;
    return lines.length === 0 ? undefined : new ReportError(lines.join('; '));
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

/** The first ones, and how many more there are. */
class Problems {
  readonly #kept: string[] = [];
  #count = 0;

  add(problem: string): void {
    this.#count += 1;
    if (this.#kept.length < problemsKept) this.#kept.push(problem);
  }

  get lines(): readonly string[] {
    const more = this.#count - this.#kept.length;
    return more === 0 ? this.#kept : [...this.#kept, `${String(more)} more report files like these`];
  }
}

/** Whether a root is that of another document. */
function isOther(root: string | undefined): root is string {
  return root !== undefined && !['testsuites', 'testsuite'].includes(root);
}

/** A parser, and the name of the root that it has met. */
interface Reading {
  parser: SaxesParser;
  root?: string;
}

function createParser(found: (test: TestCase) => void): Reading {
  const parser = new SaxesParser();
  const suites: string[] = [];
  let test: TestCase | undefined;
  let inFailure = false;
  const reading: Reading = { parser };
  parser.on('opentag', (tag: SaxesTagPlain) => {
    reading.root ??= tag.name;
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
    if (tag.name === 'testsuite') suites.pop();
    else if (tag.name === 'failure' || tag.name === 'error') inFailure = false;
    else if (tag.name === 'testcase' && test !== undefined) {
      if (!isOther(reading.root)) found(test);
      test = undefined;
    }
  });
  return reading;
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
