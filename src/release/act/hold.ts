import { defined } from '../../base/defined.ts';
import { sameJson } from '../../base/same-json.ts';
import { holdAnnotation, holdMarkOf, answerAnnotation, type HoldMark } from '../../kubernetes/hold-mark.ts';
import { detachAnnotation, pauseAnnotation } from '../../kubernetes/stand-mark.ts';
import { hashOf, withoutHash } from '../../kubernetes/replica-sets.ts';
import { heldFields, rolloutPatch, withRolloutFields } from '../../kubernetes/rollout-fields.ts';
import { isWorkload, keyOf, referenceOf, type Workload } from '../../kubernetes/workload-objects.ts';
import { NotFoundError } from '../../ports/cluster-errors.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import type { KubernetesObject, ObjectReference } from '../../ports/kubernetes-object.ts';
import type { HoldingAction, Selector } from '../../strategies/holding.ts';
import { applicationLabel, previewLabel } from '../record/release-record.ts';
import type { ReleaseSession } from '../session.ts';
import { applyOne } from './apply-objects.ts';
import { asSeen, changedSince, patchSeen } from './as-seen.ts';

type Of<Type extends HoldingAction['type']> = Extract<HoldingAction, { type: Type }>;

interface Service extends KubernetesObject {
  spec: { selector?: Selector; ports?: { nodePort?: number; [field: string]: unknown }[] };
}

/** The objects of a revision with its Deployment held and marked, and without the Service and the router that stay as they are. */
export function heldObjects(
  objects: readonly KubernetesObject[],
  { revision, step, before, active, router, share }: Of<'hold'>,
  session: ReleaseSession,
): KubernetesObject[] {
  const stable = share?.stable;
  const mark = markOf({ revision, step, before, since: now(session), ...defined({ stable }) }, session);
  return objects
    .filter(({ kind, metadata }) => kind !== 'Service' || metadata.name !== active)
    .filter(({ kind, metadata }) => kind !== router?.kind || metadata.name !== router.name)
    .map((object) => {
      if (!isWorkload(object) || object.kind !== 'Deployment') return object;
      const annotations = { ...object.metadata.annotations, [holdAnnotation]: mark };
      const marked = { ...object, metadata: { ...object.metadata, annotations } };
      return withRolloutFields(marked, { ...heldFields, ...defined({ maxSurge: share?.surge }) });
    });
}

/**
 * Writes a Deployment's rollout fields, its template where that of a ReplicaSet is wanted, and its mark, in one request
 * for the Deployment as it was seen.
 * @throws ConflictError when it has been changed since
 */
export async function writeRollout(
  { deployment, resourceVersion, fields, before, replicaSet, step }: Of<'rollout'>,
  session: ReleaseSession,
  options: CallOptions,
): Promise<{ generations?: Record<string, number> }> {
  const { cluster } = session.ports;
  const live = await asSeen<Workload>(deployment, resourceVersion, cluster, options);
  const set =
    replicaSet === undefined
      ? undefined
      : await cluster.get<Workload>({ ...deployment, kind: 'ReplicaSet', name: replicaSet }, options);
  if (replicaSet !== undefined && set === undefined)
    throw new NotFoundError(`ReplicaSet ${replicaSet} is not there any more`);
  const template = set?.spec.template === undefined ? undefined : withoutHash(set.spec.template);
  const operations = rolloutPatch(live, fields, template);
  const { annotations = {} } = live.metadata;
  const stable = set === undefined ? undefined : hashOf(set);
  const marked =
    step === undefined
      ? withoutMarks(annotations)
      : withMark(live, { step, before, isPaused: fields.paused === true, ...defined({ stable }) }, session);
  if (!sameJson(annotations, marked))
    operations.push({ op: 'add', path: '/metadata/annotations', value: marked });
  const changed = await patchSeen(live, operations, cluster, options);
  const { generation } = changed.metadata;
  return generation === undefined
    ? {}
    : { generations: { ...session.current.generations, [keyOf(deployment)]: generation } };
}

/** A Deployment's annotations without what a release and its answers have left there. */
function withoutMarks(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const marks = [holdAnnotation, answerAnnotation, pauseAnnotation, detachAnnotation];
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !marks.includes(key)));
}

/** The annotations of a held Deployment with the step that it is in. */
function withMark(
  live: Workload,
  { step, before, stable, isPaused }: Pick<HoldMark, 'step' | 'before' | 'stable'> & { isPaused: boolean },
  session: ReleaseSession,
): Record<string, string> {
  const given = holdMarkOf(live);
  const rolls = isPaused ? undefined : (true as const);
  const mark: Omit<HoldMark, 'end'> = {
    ...{ revision: session.current.revision, step, before, since: given?.since ?? now(session) },
    ...defined({ stable: stable ?? given?.stable, rolls }),
  };
  return { ...live.metadata.annotations, [holdAnnotation]: markOf(mark, session) };
}

/**
 * Gives a Service a selector, and all else that a revision says of it where one is named, in one request for the Service
 * as it was seen. Where there is no Service, a revision makes it.
 * @throws ConflictError when it has been changed since
 */
export async function selectPods(
  { service, resourceVersion, selector, revision }: Of<'selectPods'>,
  session: ReleaseSession,
  options: CallOptions,
): Promise<void> {
  const { cluster, clock } = session.ports;
  const manifest = revision === undefined ? undefined : await manifestOf(service, revision, session, options);
  const live =
    resourceVersion === undefined
      ? await cluster.get<Service>(service, options)
      : await asSeen<Service>(service, resourceVersion, cluster, options);
  if (live !== undefined && resourceVersion === undefined) throw changedSince(service);
  let applied = live;
  if (manifest !== undefined) {
    const metadata = { ...manifest.metadata, ...defined({ resourceVersion }) };
    const wanted = { ...manifest, metadata, spec: { ...manifest.spec, selector } };
    const request = { cluster, clock, force: true, ...defined({ live }) };
    applied = (await applyOne(wanted, request, options)) as Service;
  }
  // Older API servers merge selectors: a label that another manager has written stays.
  if (applied === undefined || sameJson(applied.spec.selector, selector)) return;
  await patchSeen(applied, [{ op: 'add', path: '/spec/selector', value: selector }], cluster, options);
}

/** Makes or renews the Service of the new pods: the ports of the active one, and their hash. */
export async function makePreview(
  { active, revision, name, selector }: Of<'preview'>,
  session: ReleaseSession,
  options: CallOptions,
): Promise<void> {
  const { cluster, clock } = session.ports;
  const objects = await session.store.loadRevision(revision, options);
  const service = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === active) as
    Service | undefined;
  if (service === undefined) return;
  const { namespace } = service.metadata;
  const ports = (service.spec.ports ?? []).map(({ nodePort: _, ...port }) => port);
  const labels = { [applicationLabel]: session.application, [previewLabel]: session.application };
  const preview: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, labels, ...defined({ namespace }) },
    spec: { selector, ports },
  };
  const applied = (await applyOne(preview, { cluster, clock, force: true }, options)) as Service;
  if (sameJson(applied.spec.selector, selector)) return;
  await patchSeen(applied, [{ op: 'add', path: '/spec/selector', value: selector }], cluster, options);
}

/** Removes the Service of the new pods, when a release has made it. */
export async function removePreview(
  service: ObjectReference,
  session: ReleaseSession,
  options: CallOptions,
): Promise<void> {
  const { cluster } = session.ports;
  const live = await cluster.get(service, options);
  if (live?.metadata.labels?.[previewLabel] !== session.application) return;
  await cluster.delete(service, { ...options, ...defined({ uid: live.metadata.uid }) });
}

async function manifestOf(
  service: ObjectReference,
  revision: number,
  session: ReleaseSession,
  options: CallOptions,
): Promise<Service | undefined> {
  const objects = await session.store.loadRevision(revision, options);
  return objects.find((object) => keyOf(referenceOf(object)) === keyOf(service)) as Service | undefined;
}

function now({ ports }: ReleaseSession): string {
  return new Date(ports.clock.now()).toISOString();
}

/** The text of a Deployment's mark. */
function markOf(mark: Omit<HoldMark, 'end'>, { application, namespace }: ReleaseSession): string {
  return JSON.stringify({ ...mark, end: `pipeline release abort ${application} --namespace ${namespace}` });
}
