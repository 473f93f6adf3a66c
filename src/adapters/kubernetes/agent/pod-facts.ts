import type { AgentProblem } from '../../../ports/agent.ts';
import { oneLine } from '../../../kubernetes/pod-trouble.ts';
import type { PodEvent, PodView } from './pod-status.ts';

/** What is known of a pod at one moment. */
export interface PodFacts {
  /** As last seen. */
  pod: PodView;
  /** The pod's own events. */
  events: readonly PodEvent[];
  /** It is no longer there. */
  gone: boolean;
  /** Milliseconds since the pod was made. */
  ageMs: number;
  /** Milliseconds that a pod may stay unschedulable before that is taken for final. */
  unschedulableMs: number;
  /** The containers that steps run in; the others are services. */
  stepContainers: ReadonlySet<string>;
}

/** Why a pod cannot do its work, in one line, and what to do. */
export interface Verdict {
  problem: AgentProblem;
  message: string;
  hint?: string;
  /** An event that says more may still be on its way: why a container ended that does not end by itself. */
  isUnexplained?: true;
}

/** Whether the pod is gone, or about to be. */
export function isLeaving({ pod, gone }: PodFacts): boolean {
  return gone || pod.metadata.deletionTimestamp !== undefined;
}

/** What an event or a condition says, to be added to a message. */
export function suffix(event: { message?: string | undefined } | undefined): string {
  return event?.message === undefined || event.message === '' ? '' : `: ${oneLine(event.message)}`;
}
