import { isFields, type Fields } from '../../../base/fields.ts';
import type { AgentContainer, AgentSpec } from '../../../ports/agent.ts';

/**
 * What the level `restricted` asks of a container beside the pod's seccomp profile. Which user it is says the image.
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
const unprivileged = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
};

/** The group of the user in agent-image/Dockerfile. */
const ownGroup = 1000;

/** The securityContext of a step container; undefined where the image or the template may need more than `restricted` has. */
export function containerSecurity(
  container: AgentContainer,
  { podTemplate }: Pick<AgentSpec, 'podTemplate'>,
): Fields | undefined {
  if (container.unprivileged !== true) return undefined;
  const template = fieldsOf(podTemplate?.['spec']);
  const { image = container.image, securityContext } = itemsOf(template['containers'], container.name);
  if (image !== container.image) return undefined; // of whoever wrote the template
  const contexts = [template['securityContext'], securityContext].map(fieldsOf);
  return contexts.some(asksForMore) ? undefined : unprivileged;
}

/**
 * What the pod's securityContext needs for the claim of the caches, whose files are root's on most volumes. Kubernetes
 * gives every volume of the pod to the group: so only where there are no containers and volumes but our own.
 */
export function volumeSecurity(spec: AgentSpec): Fields {
  const { containers, services, cacheClaim, podTemplate } = spec;
  const template = fieldsOf(podTemplate?.['spec']);
  const names = new Set<unknown>(containers.map(({ name }) => name));
  const others = listOf(template['containers']).filter(({ name }) => !names.has(name));
  const isOurs =
    services.length === 0 &&
    others.length === 0 &&
    listOf(template['volumes']).length === 0 &&
    containers.every((container) => containerSecurity(container, spec) !== undefined);
  if (cacheClaim === undefined || !isOurs) return {};
  return { fsGroup: ownGroup, fsGroupChangePolicy: 'OnRootMismatch' };
}

/** Whether a securityContext is refused together with that of an unprivileged container, or is meant to have more. */
function asksForMore(context: Fields): boolean {
  const { runAsUser, runAsNonRoot, privileged, allowPrivilegeEscalation, capabilities } = context;
  const added = fieldsOf(capabilities)['add'];
  return (
    runAsUser === 0 ||
    runAsNonRoot === false ||
    privileged === true ||
    allowPrivilegeEscalation === true ||
    (Array.isArray(added) && added.length > 0)
  );
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

/** What a list says of the item of a name, which may stand in it several times. */
function itemsOf(list: unknown, name: string): Fields {
  return Object.assign({}, ...listOf(list).filter((item) => item['name'] === name)) as Fields;
}
