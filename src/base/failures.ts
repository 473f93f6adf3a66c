import type { Fault } from './errors.ts';

/**
 * Which failure has which fault, and so which exit code, whatever system it comes from: the Kubernetes API, a registry,
 * a Docker Engine, a server. What only a person can mend is `failure`: trying again gives the same answer. What may
 * heal by itself is `infrastructure`. docs/exit-codes.md shows this table.
 */
export const failures = {
  /** The credentials were not accepted. */
  wrongCredentials: 'failure',
  /** The credentials were accepted, and lack a right. */
  missingRight: 'failure',
  /** The other side understood what was asked, and does not take it: an immutable tag, an invalid object. */
  refused: 'failure',
  /** A registry has no such repository, image or project. */
  unknownName: 'failure',
  /** What was there, or has to be, is gone: a namespace, a pod. */
  gone: 'infrastructure',
  /** A quota or the nodes have no room for it now. */
  noRoom: 'infrastructure',
  /** Somebody else has changed it at the same time. */
  changedMeanwhile: 'infrastructure',
  /** No answer, an answer that is none, or one that says to come back later (429, 5xx). */
  unreachable: 'infrastructure',
} as const satisfies Record<string, Fault>;

/** A failure of the table. */
export type Failure = keyof typeof failures;
