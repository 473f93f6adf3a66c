import type { AgentPool } from './agent-pool.ts';
import type { EngineDependencies, EngineOptions } from './dependencies.ts';
import type { EventStream } from './event-stream.ts';
import type { Ownership } from './ownership.ts';
import type { RecordWriter } from './record-writer.ts';
import type { RunState } from './run-state.ts';

/** What all parts of the engine that run stages share, for one run. */
export interface RunContext {
  state: RunState;
  writer: RecordWriter;
  agents: AgentPool;
  events: EventStream;
  dependencies: EngineDependencies;
  options: Required<EngineOptions>;
  /** Aborted when another runner owns the run. */
  leaseLost: AbortSignal;
  ownership: Ownership;
}
