import path from 'node:path';
import { defined } from '../../base/defined.ts';
import type { Readable } from 'node:stream';
import type { Agent } from '../../ports/agent.ts';
import type { ArtifactStore, SavedFiles } from '../../ports/artifact-store.ts';
import type { StageContext } from '../../ports/stage.ts';
import type { TestSummary } from '../../ports/test-report.ts';
import { findFiles } from './find-files.ts';
import { TestCounter, type ReportError } from './junit.ts';

/** Where a stage's files are, and who wants them. */
export interface Collection {
  agent: Agent;
  store: ArtifactStore;
  context: StageContext;
  /** Absolute in the agent. */
  directory: string;
}

/** Files of a pattern, brought to the store; undefined when none matches (a notice says so). */
async function collect(
  kind: 'artifacts' | 'reports',
  patterns: readonly string[],
  from: Collection,
): Promise<SavedFiles | undefined> {
  const { agent, store, context, directory } = from;
  const { signal, container } = context;
  const files = await findFiles(agent, patterns, { signal, directory, container });
  if (files.length === 0) {
    const message = `no file matches ${patterns.join(', ')} in ${path.posix.relative(agent.workspace, directory) || 'the workspace'}`;
    await context.emit({ type: 'notice', stage: context.stage.name, level: 'warning', message });
    return undefined;
  }
  const save = (tar: Readable) => store.save(kind, context.stage.name, tar, { signal });
  return agent.download(files, save, { signal, directory, container });
}

/** Collects artifacts and reports them. */
export async function collectArtifacts(patterns: readonly string[], from: Collection): Promise<void> {
  const saved = await collect('artifacts', patterns, from);
  if (saved === undefined) return;
  const { directory, bytes } = saved;
  const files = saved.files.map((file) => file.path);
  await from.context.emit({
    type: 'artifacts.collected',
    stage: from.context.stage.name,
    files,
    bytes,
    directory,
  });
}

/** Collects JUnit files, keeps them and counts their tests; of some that are none, the tests of the others. */
export async function collectTests(
  patterns: readonly string[],
  from: Collection,
): Promise<{ summary?: TestSummary; error?: ReportError }> {
  const saved = await collect('reports', patterns, from);
  if (saved === undefined) return {};
  const counter = new TestCounter();
  for (const file of saved.files) await counter.add(file.path, from.store.open(saved, file.path));
  const { warnings, error } = counter;
  for (const message of warnings)
    await from.context.emit({ type: 'notice', stage: from.context.stage.name, level: 'warning', message });
  const summary = counter.summary();
  await from.context.emit({ type: 'tests.collected', stage: from.context.stage.name, summary });
  return { summary, ...defined({ error }) };
}
