import { isSidecar, reachedContainers, type Service } from '../../kubernetes/service-targets.ts';
import { graceSecondsOf, preStopSleepSeconds } from '../../kubernetes/stop-time.ts';
import type { Container, PodTemplate } from '../../kubernetes/workload-objects.ts';

/** What is said of containers. */
interface ContainerWarning {
  /** The field that it is about, from the top of the template. */
  path: readonly (string | number)[];
  message: string;
}

/** What of the containers that Services reach can lose requests when pods start and stop, one line for each problem. */
export function containerWarnings(template: PodTemplate, services: readonly Service[]): ContainerWarning[] {
  const reached = reachedContainers(template, services);
  const unready = lacking(template, reached, isReadyLate);
  const abrupt = lacking(template, reached, (container) => stopsLate(container, template));
  return [
    ...unready.map(({ path, who }) => ({
      path,
      message: `${who} readinessProbe, so pods get requests before they can answer: add one (httpGet on a path that answers 200 when the application is up)`,
    })),
    ...abrupt.map(({ path, who }) => ({
      path,
      message: `${who} preStop hook, so a stopping pod may still get requests: add lifecycle.preStop.exec.command: ["sleep", "5"]`,
    })),
    ...killedWhileAsleep(template, reached ?? template.spec.containers),
  ];
}

/** Until its startupProbe has succeeded, a container is not ready either. */
function isReadyLate({ readinessProbe, startupProbe }: Container): boolean {
  return readinessProbe !== undefined || startupProbe !== undefined;
}

/** Whether a container still answers for a while when its pod stops. A sidecar is stopped after the containers. */
function stopsLate(container: Container, { spec }: PodTemplate): boolean {
  const waits = ({ lifecycle }: Container) => lifecycle?.preStop !== undefined;
  return waits(container) || (isSidecar(container) && spec.containers.some(waits));
}

/**
 * Which containers that get requests lack something, as the begin of a sentence.
 * @param reached undefined: it may be any of them, so that one which has it is enough
 */
function lacking(
  template: PodTemplate,
  reached: readonly Container[] | undefined,
  has: (container: Container) => boolean,
): { path: readonly (string | number)[]; who: string }[] {
  const { containers } = template.spec;
  if (reached === undefined)
    return containers.length === 0 || containers.some(has)
      ? []
      : [{ path: ['spec', 'containers'], who: 'no container has a' }];
  const [first, ...others] = reached.filter((container) => !has(container));
  if (first === undefined) return [];
  const names = [first, ...others].map(({ name }) => name).join(', ');
  const who = others.length === 0 ? `container ${names} has no` : `containers ${names} have no`;
  return [{ path: pathOf(first, template), who }];
}

function pathOf(container: Container, { spec }: PodTemplate): (string | number)[] {
  const index = spec.containers.indexOf(container);
  return index === -1
    ? ['spec', 'initContainers', (spec.initContainers ?? []).indexOf(container)]
    : ['spec', 'containers', index];
}

/** The time in which a pod may end includes its preStop hooks. */
function killedWhileAsleep(template: PodTemplate, containers: readonly Container[]): ContainerWarning[] {
  const grace = graceSecondsOf(template);
  if (grace === undefined) return [];
  const [longest] = containers
    .map((container) => ({ container, seconds: preStopSleepSeconds(container) ?? 0 }))
    .sort((a, b) => b.seconds - a.seconds);
  if (longest === undefined || longest.seconds === 0 || longest.seconds < grace) return [];
  const { container, seconds } = longest;
  return [
    {
      path: ['spec', 'terminationGracePeriodSeconds'],
      message: `the preStop hook of container ${container.name} sleeps for ${String(seconds)} s of the ${String(grace)} s after which the pod is killed, so it cannot finish its requests: raise terminationGracePeriodSeconds above ${String(seconds)} by the time that requests take`,
    },
  ];
}
