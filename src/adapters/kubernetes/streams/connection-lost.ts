import { UnreachableError } from '../../../ports/cluster-errors.ts';

/** A connection that was open ended, or fell silent, before the other side had said how its command ended. */
export class ConnectionLostError extends UnreachableError {}
