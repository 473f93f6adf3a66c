import { createHash } from 'node:crypto';

/** Labels by which everything of a run is found. */
export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  run: 'slipway.dev/run',
  pipeline: 'slipway.dev/pipeline',
  agent: 'slipway.dev/agent',
} as const;

/** The selector of all that Slipway made; one watch serves every run of a process. */
export const managedSelector = `${labels.managedBy}=slipway`;

/** Text as a label's value: at most 63 of letters, digits, `-`, `_`, `.`, the ends alphanumeric. */
export function labelValue(text: string): string {
  const cleaned = text.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
  return cleaned.length <= 63 ? cleaned : `${cleaned.slice(0, 54)}-${digest(text)}`;
}

/**
 * The name of a run's agent pod: the same for the same run, so that two runners never make two.
 * At most 63 characters, so that it may be a host name.
 */
export function agentPodName(agent: { pipeline: string; runId: string; name: string }): string {
  const suffix = agent.name === 'main' ? '' : `-${dns(agent.name)}`;
  const tail = `-${dns(agent.runId)}${suffix}`;
  if (tail.length > 50) return `slipway-${digest(`${agent.runId}/${agent.name}`)}`;
  const head = dns(agent.pipeline)
    .slice(0, 63 - tail.length)
    .replace(/-+$/, '');
  return head === '' ? `slipway${tail}` : `${head}${tail}`;
}

/** The selector of one run's objects. */
export function runSelector(runId: string): string {
  return `${managedSelector},${labels.run}=${labelValue(runId)}`;
}

function dns(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
