import type { RunEvent, RunOutcome, StageOutcome, TimedEvent } from '../../ports/events.ts';
import { formatDuration } from '../../base/duration.ts';

/** How people call an outcome. */
export const outcomeWords: Record<StageOutcome | RunOutcome, string> = {
  succeeded: 'succeeded',
  failed: 'failed',
  infrastructure: 'infrastructure failure',
  skipped: 'skipped',
  cancelled: 'cancelled',
  rolledBack: 'rolled back',
  detached: 'detached',
  timedOut: 'timed out',
  aborted: 'aborted',
  interrupted: 'interrupted',
  internal: 'internal error',
};

/** Which stage an event is about; undefined for the run as a whole. */
export function stageOf(event: RunEvent): string | undefined {
  return 'stage' in event ? event.stage : undefined;
}

/** One event as lines of text, without the stage's name; empty for those that have their own display (`step.output`). */
export function eventText(event: TimedEvent): string[] {
  switch (event.type) {
    case 'run.started':
    case 'run.finished':
      return runText(event);
    case 'agent.created':
    case 'agent.progress':
    case 'agent.ready':
    case 'agent.problem':
    case 'agent.removed':
    case 'agent.kept':
      return agentText(event);
    case 'stage.started':
      return [`started (${event.kind}${event.attempt > 1 ? `, attempt ${String(event.attempt)}` : ''})`];
    case 'stage.retrying':
      return [`${event.message}; next attempt in ${formatDuration(event.delayMs)}`];
    case 'stage.finished':
      return stageFinishedText(event);
    case 'step.output':
      return [];
    case 'step.end':
      return event.exitCode === undefined || event.exitCode === 0
        ? []
        : [`exit code ${String(event.exitCode)}`];
    case 'tests.collected':
      return testsText(event);
    case 'artifacts.collected':
      return [`${count(event.files.length, 'artifact')} (${formatBytes(event.bytes)}) in ${event.directory}`];
    case 'image.progress':
      return [event.message];
    case 'image.pushed':
      return [`pushed ${event.reference}`];
    case 'release.progress':
      return [`${event.application}: ${event.message}`];
    case 'verify.attempt':
      return [`attempt ${String(event.attempt)}: ${event.message}`];
    case 'notice':
      return [event.level === 'warning' ? `warning: ${event.message}` : event.message];
  }
}

function runText(event: Extract<TimedEvent, { type: 'run.started' | 'run.finished' }>): string[] {
  if (event.type === 'run.started') {
    return [
      `run ${event.runId} of ${event.pipeline} ${event.resumed ? 'resumed ' : ''}on ${event.cluster}, namespace ${event.namespace}`,
    ];
  }
  const lines = [`${outcomeWords[event.outcome]} in ${formatDuration(event.durationMs)}`];
  if (event.message !== undefined) lines.push(event.message);
  if (event.hint !== undefined) lines.push(`hint: ${event.hint}`);
  return lines;
}

function agentText(event: Extract<RunEvent, { type: `agent.${string}` }>): string[] {
  switch (event.type) {
    case 'agent.created':
      return [`agent pod ${event.namespace}/${event.pod} created`];
    case 'agent.progress':
      return [`agent pod ${event.pod}: ${event.message}`];
    case 'agent.ready':
      return [`agent pod ${event.pod} ready after ${formatDuration(event.durationMs)}`];
    case 'agent.problem': // most problems name their pod themselves
      return [event.message.includes(event.pod) ? event.message : `agent pod ${event.pod}: ${event.message}`];
    case 'agent.removed':
      return [`agent pod ${event.pod} removed`];
    case 'agent.kept':
      return [
        `agent pod ${event.pod} kept; open a shell in it with: kubectl -n ${event.namespace} exec -it ${event.pod} -c ${event.containers[0] ?? ''} -- sh`,
      ];
  }
}

function stageFinishedText(event: Extract<RunEvent, { type: 'stage.finished' }>): string[] {
  const allowed =
    event.allowedToFail && event.outcome !== 'succeeded' && event.outcome !== 'skipped' ? ' (allowed)' : '';
  const time = event.outcome === 'skipped' ? '' : ` in ${formatDuration(event.durationMs)}`;
  const lines = [
    `${outcomeWords[event.outcome]}${allowed}${time}${event.message === undefined ? '' : `: ${event.message}`}`,
  ];
  if (event.hint !== undefined) lines.push(`hint: ${event.hint}`);
  return lines;
}

function testsText(event: Extract<RunEvent, { type: 'tests.collected' }>): string[] {
  const { passed, failed, skipped, failures } = event.summary;
  return [
    `tests: ${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped`,
    ...failures.map(
      (test) =>
        `  failed: ${test.suite} › ${test.name}${test.message === undefined ? '' : `: ${firstLine(test.message)}`}`,
    ),
  ];
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}

function count(n: number, word: string): string {
  return `${String(n)} ${word}${n === 1 ? '' : 's'}`;
}

/** Bytes for people, in binary units: `512 B`, `1.4 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? String(bytes) : value.toFixed(1)} ${units[power] ?? ''}`;
}
