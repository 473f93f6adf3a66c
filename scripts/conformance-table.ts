/**
 * Writes the table of docs/sandbox.md from two of Jest's JSON results of the conformance suite:
 * `node scripts/conformance-table.ts REAL.json SANDBOX.json`. A case counts as passed only when it ran and passed.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What of Jest's `--json` output is read. */
interface JestResult {
  testResults: { name: string; assertionResults: { fullName: string; status: string }[] }[];
}

/** Cases and passes of one file on one cluster. */
interface Counts {
  cases: number;
  passed: number;
}

const begin = '<!-- conformance table: written by scripts/conformance-table.ts -->';
const end = '<!-- end of the conformance table -->';
const page = fileURLToPath(new URL('../docs/sandbox.md', import.meta.url));

function countsOf(result: JestResult): Map<string, Counts> {
  return new Map(
    result.testResults
      .map(({ name, assertionResults }): [string, Counts] => [
        basename(name, '.test.ts'),
        {
          cases: assertionResults.length,
          passed: assertionResults.filter(({ status }) => status === 'passed').length,
        },
      ])
      .sort(([left], [right]) => left.localeCompare(right)),
  );
}

function table(real: Map<string, Counts>, sandbox: Map<string, Counts>): string {
  const rows = [...new Set([...real.keys(), ...sandbox.keys()])].map((topic) => ({
    topic,
    cases: Math.max(real.get(topic)?.cases ?? 0, sandbox.get(topic)?.cases ?? 0),
    real: real.get(topic)?.passed ?? 0,
    sandbox: sandbox.get(topic)?.passed ?? 0,
  }));
  const sum = (pick: (row: (typeof rows)[number]) => number): number =>
    rows.reduce((total, row) => total + pick(row), 0);
  const total = {
    topic: '**all**',
    cases: sum(({ cases }) => cases),
    real: sum((row) => row.real),
    sandbox: sum((row) => row.sandbox),
  };
  return [
    '| topic | cases | passed on Kubernetes | passed on the sandbox |',
    '|---|---|---|---|',
    ...[...rows, total].map((row) => `| ${row.topic} | ${row.cases} | ${row.real} | ${row.sandbox} |`),
  ].join('\n');
}

const read = async (path: string): Promise<Map<string, Counts>> =>
  countsOf(JSON.parse(await readFile(path, 'utf8')) as JestResult);

const [realPath, sandboxPath] = process.argv.slice(2);
if (realPath === undefined || sandboxPath === undefined) {
  console.error('usage: node scripts/conformance-table.ts REAL.json SANDBOX.json');
  process.exitCode = 2;
} else {
  const text = await readFile(page, 'utf8');
  const [before, after] = [text.indexOf(begin), text.indexOf(end)];
  if (before === -1 || after === -1) throw new Error('docs/sandbox.md has no place for the table');
  const written = table(await read(realPath), await read(sandboxPath));
  await writeFile(page, `${text.slice(0, before + begin.length)}\n\n${written}\n\n${text.slice(after)}`);
}
