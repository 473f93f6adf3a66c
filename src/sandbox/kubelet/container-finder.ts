import type { ContainerKey } from '../api/pod-streams.ts';
import { StatusError, badRequest } from '../api/status-error.ts';
import type { Objects } from '../store/objects.ts';
import type { ContainerRunner } from './container-runner.ts';
import type { PodRunner } from './pod-runner.ts';
import type { Pod } from './pod-types.ts';

const defaultContainerAnnotation = 'kubectl.kubernetes.io/default-container';

/** Finds the container that a request of the API means, with what runs it. */
export class ContainerFinder {
  readonly #objects: Objects;
  readonly #runners: ReadonlyMap<string, PodRunner>;

  constructor(objects: Objects, runners: ReadonlyMap<string, PodRunner>) {
    this.#objects = objects;
    this.#runners = runners;
  }

  /** @throws StatusError when there is no such pod or container. */
  find({ namespace, pod: name, container: wanted }: ContainerKey): {
    pod: Pod;
    container: string;
    runner: ContainerRunner | undefined;
  } {
    const pod = this.#objects.get<Pod>({ kind: 'Pod', namespace, name });
    if (pod === undefined)
      throw new StatusError('NotFound', `pods "${name}" not found`, { name, kind: 'pods' });
    const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
    const container =
      wanted ?? pod.metadata.annotations?.[defaultContainerAnnotation] ?? pod.spec.containers[0]?.name ?? '';
    if (!all.some((one) => one.name === container))
      throw badRequest(`container ${container} is not valid for pod ${name}`);
    return { pod, container, runner: this.#runners.get(pod.metadata.uid)?.containers.get(container) };
  }

  /** @throws StatusError when there is no such container, or it does not run. */
  running(request: ContainerKey): {
    runner: ContainerRunner;
    process: NonNullable<ContainerRunner['running']>;
  } {
    const { pod, container, runner } = this.find(request);
    if (runner?.running !== undefined) return { runner, process: runner.running };
    const { phase } = pod.status ?? {};
    if (phase === 'Succeeded' || phase === 'Failed')
      throw badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`);
    throw new StatusError(
      'InternalError',
      `unable to upgrade connection: container not found ("${container}")`,
    );
  }
}
