import { Readable } from 'node:stream';
import type { Duplex } from 'node:stream';
import {
  AgentError,
  type Agent,
  type AgentProblem,
  type Agents,
  type AgentSpec,
  type AgentView,
  type RunStepOptions,
  type Step,
  type StepResult,
} from '../../src/ports/agent.ts';
import type { CallOptions } from '../../src/ports/cluster.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { LeaseLostError } from '../../src/ports/leases.ts';
import { parseDuration } from '../../src/base/duration.ts';

interface Pod {
  name: string;
  id: string;
  /** The name that it was acquired by. */
  agent: string;
  /** Aborted when the pod is gone; its reason is the AgentError. */
  gone: AbortController;
  steps: Map<string, RunningStep>;
  files: Map<string, string>;
}

/** A step that goes on by itself, whoever follows it: durable, as in a real pod. */
interface RunningStep {
  log: string;
  stop: AbortController;
  result: Promise<StepResult>;
  changed: PromiseWithResolvers<undefined>;
}

/**
 * Stand for agents in tests of the engine, in virtual time. They claim what the contract says of steps (exit code,
 * output, following, cancelling, being taken over), of adopting, releasing and losing pods, which
 * test/contract/agents-fakes.test.ts holds them to; not shells, files, ports, nor the following of a view.
 *
 * Their scripts are lines of a tiny language: `echo TEXT`, `sleep 5s`, `exit 3`, `output NAME=VALUE`,
 * `env NAME=VALUE`, `expect NAME=VALUE` (of the environment), `write FILE=TEXT`, `need FILE` (in the workspace),
 * `stubborn` (ignores cancellation for a minute), `once FILE COMMAND` (the first time only), `lose PROBLEM` (the pod dies).
 */
export class ScriptedAgents implements Pick<Agents, 'acquire' | 'release' | 'view'> {
  /** Every call that reached the agents: `acquire main`, `step build.1.run`, `release`. */
  readonly calls: string[] = [];
  /** What the API warns of whenever a pod is made. */
  readonly warnings: string[] = [];
  /** Thrown by the next acquires, one each. */
  readonly failAcquire: AgentError[] = [];
  /** Keep this as the same for two ScriptedAgents to be the same cluster. */
  readonly pods: Map<string, Pod>;
  /** Exit codes of steps that fail, whatever their script is, by step id. */
  readonly failSteps = new Map<string, number>();
  /** Commands given to `query`, and their answer. */
  answer: (command: readonly string[]) => string = () => '';
  readonly #clock: Clock;
  readonly #startMs: number;
  #made = 0;
  /** Marks made by `once`; they outlive pods. */
  readonly #marks = new Set<string>();

  constructor(clock: Clock, options: { startMs?: number; pods?: Map<string, Pod> } = {}) {
    this.#clock = clock;
    this.#startMs = options.startMs ?? 100;
    this.pods = options.pods ?? new Map<string, Pod>();
  }

  async acquire(spec: AgentSpec, { signal, beforeWrite, onWarning }: CallOptions): Promise<Agent> {
    signal.throwIfAborted();
    await beforeWrite?.({ signal });
    this.calls.push(`acquire ${spec.name}`);
    for (const warning of this.warnings) onWarning?.(warning);
    const failure = this.failAcquire.shift();
    if (failure !== undefined) throw failure;
    const name = `${spec.pipeline}-${spec.name}`;
    const existing = this.pods.get(name);
    const pod = existing ?? {
      name,
      id: `pod-${String((this.#made += 1))}`,
      agent: spec.name,
      gone: new AbortController(),
      steps: new Map(),
      files: new Map(),
    };
    this.pods.set(name, pod);
    return this.#agent(pod, spec, existing !== undefined);
  }

  async view(_run: { runId: string; namespace: string }, { signal }: CallOptions): Promise<AgentView[]> {
    signal.throwIfAborted();
    return [...this.pods.values()].map((pod) => ({
      pod: pod.name,
      namespace: 'ci',
      steps: async () => [...pod.steps.keys()].map((id) => ({ id, container: 'main' })),
      followStep: () => Promise.reject(new Error('a scripted agent is not followed by onlookers')),
      readLog: async ({ id }, { onOutput }) => {
        const log = Buffer.from(pod.steps.get(id)?.log ?? '');
        if (log.length > 0) await onOutput(log, 0);
      },
      close: () => undefined,
    }));
  }

  async release(
    { agent }: { runId: string; namespace: string; agent?: string },
    { signal, beforeWrite }: CallOptions,
  ): Promise<void> {
    signal.throwIfAborted();
    await beforeWrite?.({ signal });
    this.calls.push(agent === undefined ? 'release' : `release ${agent}`);
    this.#end('deleted', (pod) => agent === undefined || pod.agent === agent);
  }

  /** Kills the pods, or that of one agent, as somebody with kubectl would. */
  lose(problem: AgentProblem, agent?: string): void {
    this.#end(problem, (pod) => agent === undefined || pod.agent === agent);
  }

  #end(problem: AgentProblem, isMeant: (pod: Pod) => boolean): void {
    for (const pod of [...this.pods.values()].filter(isMeant)) {
      pod.gone.abort(lost(problem));
      this.pods.delete(pod.name);
    }
  }

  #agent(pod: Pod, spec: AgentSpec, adopted: boolean): Agent {
    return {
      namespace: spec.namespace,
      pod: pod.name,
      id: pod.id,
      workspace: '/workspace',
      cache: '/cache',
      adopted,
      ready: async ({ signal }) => {
        await this.#clock.sleep(this.#startMs, { signal });
        pod.gone.signal.throwIfAborted();
      },
      runStep: (step, options) => this.#follow(pod, step, options),
      query: async (command, { signal }) => {
        signal.throwIfAborted();
        this.calls.push(`query ${command.slice(4).join(' ')}`);
        return { exitCode: 0, stdout: this.answer(command), stderr: '' };
      },
      download: (_paths, receive) => receive(Readable.from([])),
      upload: async () => undefined,
      connect: (): Promise<Duplex> => Promise.reject(new Error('a scripted agent has no ports')),
    };
  }

  async #follow(
    pod: Pod,
    step: Step,
    { signal, onOutput, fromOffset = 0 }: RunStepOptions,
  ): Promise<StepResult> {
    pod.gone.signal.throwIfAborted();
    this.calls.push(`${pod.steps.has(step.id) ? 'follow' : 'start'} ${step.id}`);
    const running = pod.steps.get(step.id) ?? this.#start(pod, step);
    pod.steps.set(step.id, running);
    const onAbort = () => {
      if (!(signal.reason instanceof LeaseLostError)) running.stop.abort();
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    let offset = fromOffset;
    const detached = new Promise<never>((_resolve, reject) => {
      const check = () => {
        if (signal.reason instanceof LeaseLostError) reject(signal.reason);
      };
      if (signal.aborted) check();
      else signal.addEventListener('abort', check, { once: true });
    });
    detached.catch(() => undefined);
    const gone = new Promise<never>((_resolve, reject) => {
      pod.gone.signal.addEventListener('abort', () => reject(pod.gone.signal.reason as Error), {
        once: true,
      });
    });
    gone.catch(() => undefined);
    let result: StepResult | undefined;
    const ended = running.result.then((value) => (result = value));
    for (;;) {
      if (offset < running.log.length) {
        const chunk = Buffer.from(running.log.slice(offset));
        await onOutput(chunk, offset);
        offset += chunk.length;
      } else if (result !== undefined) {
        return result;
      } else {
        await Promise.race([ended, running.changed.promise, detached, gone]);
      }
    }
  }

  #start(pod: Pod, step: Step): RunningStep {
    const running: RunningStep = {
      log: '',
      stop: new AbortController(),
      changed: Promise.withResolvers<undefined>(),
      result: Promise.resolve({ type: 'cancelled', logBytes: 0 }),
    };
    running.result = this.#interpret(pod, step, running);
    running.result.catch(() => undefined);
    return running;
  }

  async #interpret(pod: Pod, step: Step, running: RunningStep): Promise<StepResult> {
    const outputs: Record<string, string> = {};
    const environment: Record<string, string> = {};
    const signal = AbortSignal.any([running.stop.signal, pod.gone.signal]);
    const print = (text: string) => {
      running.log += `${text}\n`;
      running.changed.resolve(undefined);
      running.changed = Promise.withResolvers();
    };
    const exited = (exitCode: number): StepResult => {
      return { type: 'exited', exitCode, outputs, environment, logBytes: running.log.length };
    };
    const failure = this.failSteps.get(step.id);
    if (failure !== undefined) return exited(failure);
    for (const written of step.script.split('\n')) {
      let line = written.trim();
      if (running.stop.signal.aborted) return { type: 'cancelled', logBytes: running.log.length };
      const once = /^once (\S+) (.*)$/.exec(line);
      if (once !== null) {
        if (this.#marks.has(once[1]!)) continue;
        this.#marks.add(once[1]!);
        line = once[2]!;
      }
      const [command = '', ...words] = line.split(' ');
      const rest = words.join(' ');
      const [name = '', value = ''] = rest.split(/=(.*)/s);
      switch (command) {
        case '':
          break;
        case 'echo':
          print(rest);
          break;
        case 'sleep':
          try {
            await this.#clock.sleep(parseDuration(rest), { signal });
          } catch {
            pod.gone.signal.throwIfAborted();
            return { type: 'cancelled', logBytes: running.log.length };
          }
          break;
        case 'stubborn':
          await this.#clock.sleep(3_600_000, { signal: pod.gone.signal });
          break;
        case 'exit':
          return exited(Number(rest));
        case 'output':
          outputs[name] = value;
          break;
        case 'env':
          environment[name] = value;
          break;
        case 'expect': {
          const complaint = mismatch(step, name, value);
          if (complaint === undefined) break;
          print(complaint);
          return exited(9);
        }
        case 'write':
          pod.files.set(name, value);
          break;
        case 'need':
          if (!pod.files.has(rest)) {
            print(`there is no ${rest}`);
            return exited(8);
          }
          break;
        case 'lose':
          this.lose(rest as AgentProblem, pod.agent);
          pod.gone.signal.throwIfAborted();
          break;
        default:
          print(`${command}: not found`);
          return exited(127);
      }
    }
    return exited(0);
  }
}

/** What is wrong with a variable of the step's environment. */
function mismatch(step: Step, name: string, expected: string): string | undefined {
  const found = step.env[name];
  const text = found?.type === 'plain' ? found.value : `secret ${found?.secret ?? 'none'}`;
  return text === expected ? undefined : `${name} is ${text}`;
}

function lost(problem: AgentProblem): AgentError {
  return new AgentError(problem, `the agent pod is gone: ${problem}`);
}
