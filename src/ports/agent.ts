import type { Duplex, Readable } from 'node:stream';
import { SlipwayError, type Fault, type SlipwayErrorOptions } from '../base/errors.ts';
import { failures, type Failure } from '../base/failures.ts';
import type { CallOptions } from './cluster.ts';
import type { Environment, Secrets } from './secrets.ts';

/** Kubernetes' own resource block: `{requests: {cpu: '500m'}, limits: {memory: '1Gi'}}`. */
export interface Resources {
  requests?: Record<string, string>;
  limits?: Record<string, string>;
}

/** A container that steps run in. */
export interface AgentContainer {
  name: string;
  image: string;
  env: Environment;
  resources?: Resources;
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  /** Its image is Slipway's own, which needs neither root nor capabilities; the pod then asks for none. */
  unprivileged?: boolean;
}

/** When a service container counts as ready. */
export type ServiceReadiness =
  { tcp: number } | { http: { port: number; path: string } } | { exec: readonly string[] };

/** A container beside the steps' (a database, a Docker daemon); reached on localhost, started before the first step. */
export interface AgentService extends AgentContainer {
  command?: readonly string[];
  args?: readonly string[];
  ready?: ServiceReadiness;
  privileged?: boolean;
}

/** What an agent pod is made of. */
export interface AgentSpec {
  /** Names and labels: `slipway.dev/run`, `slipway.dev/pipeline`. */
  runId: string;
  pipeline: string;
  /** Tells the agents of one run apart, and a pod from the one that it replaced: `main`, `main-2`. */
  name: string;
  namespace: string;
  /** The first is the default one. */
  containers: readonly [AgentContainer, ...AgentContainer[]];
  services: readonly AgentService[];
  /** A PodTemplateSpec merged over ours by strategic merge. */
  podTemplate?: Record<string, unknown>;
  imagePullSecrets: readonly string[];
  /** A PVC that holds caches; missing: caches live in the pod and end with it. */
  cacheClaim?: string;
  /** Seconds until Kubernetes itself ends the pod, whatever happened to the runner. */
  deadlineSeconds: number;
  /** Milliseconds from creation until every container must have answered. */
  startTimeoutMs: number;
  /** Reads the secrets that `env` of containers, services and steps name. */
  secrets?: Secrets;
  /** The run's record, which owns the pod. */
  owner?: { apiVersion: string; kind: string; name: string; uid: string };
}

/** Why an agent pod cannot do its work. Never the script's fault. */
export type AgentProblem =
  | 'imagePull'
  | 'unschedulable'
  | 'containerStart'
  | 'containerExited'
  | 'outOfMemory'
  | 'evicted'
  | 'preempted'
  | 'deleted'
  | 'deadlineExceeded'
  | 'nodeLost'
  | 'quota'
  | 'forbidden'
  | 'admission'
  | 'nodeRefused'
  | 'namespaceGone'
  | 'startTimeout'
  | 'stepLost';

/** Those that the API decided; whatever befalls a pod later may heal with another pod. */
const failureOf: Partial<Record<AgentProblem, Failure>> = {
  forbidden: 'missingRight',
  admission: 'refused',
};

/** A failure of the agent pod, in one line with the pod's own events. Never the script's. */
export class AgentError extends SlipwayError {
  readonly code = 'agent';
  readonly fault: Fault;
  readonly problem: AgentProblem;

  constructor(problem: AgentProblem, message: string, options: SlipwayErrorOptions = {}) {
    super(message, options);
    this.problem = problem;
    this.fault = failures[failureOf[problem] ?? 'gone'];
  }
}

/** One shell script in one container. */
export interface Step {
  /**
   * Unique in the run and the same after a resume: stage, attempt, name (`build.1.run`); letters, digits, `.`, `-`, `_`.
   * A step of this id that was started before is followed, not started again.
   */
  id: string;
  container: string;
  script: string;
  /** The interpreter and its options, e.g. `['sh', '-e']`; the script's path is appended. */
  shell: readonly string[];
  /** Absolute, or relative to the workspace. */
  workingDirectory: string;
  env: Environment;
  /** Milliseconds between TERM and KILL when the step is cancelled or timed out; default 10,000. */
  graceMs?: number;
  /** A time (RFC 3339, made in the pod) before each line of output. */
  timestamps?: boolean;
  /** Processes that it leaves running stay; else they are ended with it. */
  background?: boolean;
}

/** How a step ended. A lost pod or an unreachable API is an AgentError, never one of these. */
export type StepResult =
  | {
      type: 'exited';
      exitCode: number;
      outputs: Record<string, string>;
      environment: Record<string, string>;
      /** What of $SLIPWAY_OUTPUT and $SLIPWAY_ENV could not be taken, with its line; bounded, and without values. */
      problems?: readonly string[];
      logBytes: number;
    }
  | { type: 'cancelled'; logBytes: number };

/** How a step is followed. */
export interface RunStepOptions extends CallOptions {
  /** Gets the log's bytes in order, each byte once; awaited, so a slow reader slows the follow and not the step. `offset` is that of the chunk's first byte. */
  onOutput: (chunk: Buffer, offset: number) => Promise<void> | void;
  /** First byte of the log wanted; default 0. A resumed run gives what it had shown already. */
  fromOffset?: number;
}

/** One agent pod of a run. All methods may be called concurrently. */
export interface Agent {
  readonly namespace: string;
  readonly pod: string;
  /** Of this very pod: another pod that later has the same name has another one. */
  readonly id: string;
  /**
   * True when acquire found the run's pod at work and took it over: what earlier stages left in the workspace is there.
   * False when it made a new pod: a resumed run has to bring the files back.
   */
  readonly adopted?: boolean;
  /** Absolute path of the workspace in every container. */
  readonly workspace: string;
  /** Absolute path of the cache folder in every container: on the cache claim, or in the pod where there is none. */
  readonly cache: string;
  /** False where what lies in it ends with the pod. */
  readonly keepsCache?: boolean;
  /** Resolves when every container has answered; rejects with AgentError as soon as Kubernetes knows why it never will. */
  ready(options: CallOptions): Promise<void>;
  /**
   * Starts a durable step, or resumes the one of the same id, and follows it to its end. The exit code is read from a
   * file of the pod; a lost connection is reopened at the byte where it broke. When the signal is aborted the
   * step's process group gets TERM, after the grace time KILL, and the result is `cancelled`.
   * When the reason of the abort is a LeaseLostError another runner follows the step now: it is left alone, and the
   * reason is thrown.
   * @throws AgentError when the pod is gone or cannot work
   */
  runStep(step: Step, options: RunStepOptions): Promise<StepResult>;
  /**
   * A short command for reading something; output bounded to `largest` bytes (default 1 MiB), which it may need as
   * memory. For work use runStep.
   */
  query(
    command: readonly string[],
    options: CallOptions & { container?: string; largest?: number },
  ): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  /**
   * Gives the named paths (relative to `directory`, default the workspace), however many they are, as one tar stream,
   * never buffered whole, to `receive`. Of many paths it is several archives, one after the other. When the transfer broke or fell silent, a new stream goes to a new call, after the one before has
   * failed: what it made of the earlier stream is void. An error of its own ends the transfer.
   * `excludes` are paths relative to `directory` (plain text, no wildcards) that are left out with all below them where
   * the container's tar can; the reader must not rely on it.
   * @returns what `receive` gives
   */
  download<T>(
    paths: readonly string[],
    receive: (tar: Readable) => Promise<T>,
    options: CallOptions & { directory?: string; container?: string; excludes?: readonly string[] },
  ): Promise<T>;
  /**
   * Makes a directory of the container from a tar stream, byte for byte. It is there whole or not at all, and takes the
   * place of what was there before; it must not be the workspace itself.
   * @param open gives the stream, and the same again when the transfer broke or fell silent
   */
  upload(
    open: () => Readable,
    options: CallOptions & { directory: string; container?: string },
  ): Promise<void>;
  /** Opens one connection to a port of the pod. */
  connect(port: number, options: CallOptions): Promise<Duplex>;
}

/** A step as it is in the pod, started by the owner of the run. */
export interface StartedStep {
  id: string;
  container: string;
}

/** An agent pod that another runner works with: reading only, and changing nothing. */
export interface AgentView {
  readonly pod: string;
  readonly namespace: string;
  /** Steps that were started, in the order of their start as far as the pod knows it. */
  steps(options: CallOptions): Promise<StartedStep[]>;
  /**
   * Follows a step's log to the step's end, as Agent.runStep does; an abort ends the follow and leaves the step alone.
   * @returns the exit code; undefined when it was cancelled
   * @throws AgentError when the pod is gone; `signal.reason`
   */
  followStep(step: StartedStep, options: RunStepOptions): Promise<number | undefined>;
  /** What a step has written so far, whether it has ended or not. @throws AgentError, ClusterError */
  readLog(step: StartedStep, options: CallOptions & Pick<RunStepOptions, 'onOutput'>): Promise<void>;
  /** Ends what the view holds in this process. */
  close(): void;
}

/** Makes and ends agents. */
export interface Agents {
  /**
   * Creates the pod, or adopts the one that this run has already, and returns at once; `Agent.ready` waits.
   * @throws AgentError with the problem quota, forbidden or admission
   */
  acquire(spec: AgentSpec, options: CallOptions): Promise<Agent>;
  /** The living agent pods of a run, for watching them. */
  view(run: { runId: string; namespace: string }, options: CallOptions): Promise<AgentView[]>;
  /**
   * Deletes every agent pod, and Secret made for one, of the run; with `agent` those of the agent that was acquired by
   * that name. Idempotent; safe after a failed acquire.
   */
  release(run: { runId: string; namespace: string; agent?: string }, options: CallOptions): Promise<void>;
}
