import { defined } from '../base/defined.ts';
import { sameJson } from '../base/same-json.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';

/** A backend of a rule (https://gateway-api.sigs.k8s.io/reference/spec/#httpbackendref). */
interface BackendRef {
  group?: string;
  kind?: string;
  name: string;
  namespace?: string;
  port?: number;
  /** Its share of the rule's requests, as a part of the sum; default 1. */
  weight?: number;
}

interface HeaderMatch {
  name: string;
  type?: string;
  value: string;
}

/** A rule of an HTTPRoute, as far as its traffic is split. */
export interface RouteRule {
  name?: string;
  matches?: readonly { headers?: readonly HeaderMatch[] }[];
  backendRefs?: readonly BackendRef[];
}

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  observedGeneration?: number;
}

interface ParentReference {
  name: string;
  namespace?: string;
  sectionName?: string;
  port?: number;
}

/** An HTTPRoute of the Gateway API, v1 or v1beta1. */
export interface HttpRoute extends KubernetesObject {
  spec: { parentRefs?: readonly ParentReference[]; rules?: readonly RouteRule[] };
  status?: { parents?: readonly { parentRef: ParentReference; conditions?: readonly Condition[] }[] };
}

/** The versions of HTTPRoute, the newest first. */
export const httpRouteKinds = ['v1', 'v1beta1'].map((version) => ({
  apiVersion: `gateway.networking.k8s.io/${version}`,
  kind: 'HTTPRoute',
}));

/** The Services of the old and of the new pods, in the namespace of the route. */
export interface Backends {
  service: string;
  candidate: string;
}

/** A header by which a tester gets the new pods, whatever the weights are. */
export interface TesterHeader {
  name: string;
  value: string;
}

/** What the new pods get of a router's traffic, in percent; `absent`: it does not name their Service; `mixed`: no one share. */
export type CandidateShare = number | 'absent' | 'mixed';

/** Weights are multiplied by it while they are split, so that any percentage of them is a whole number. */
const factor = 100;

/** The most that a weight may be (https://gateway-api.sigs.k8s.io/reference/spec/#httpbackendref). */
const mostWeight = 1_000_000;

/** The share that the Service of the new pods has in all rules that name the one of the old pods. */
export function candidateShare(rules: readonly RouteRule[], backends: Backends): CandidateShare {
  const shares = rules.flatMap(({ backendRefs = [] }): CandidateShare[] => {
    const stable = sum(backendRefs, backends.service);
    const candidate = sum(backendRefs, backends.candidate);
    const isNamed = backendRefs.some((ref) => isService(ref, backends.candidate));
    if (!backendRefs.some((ref) => isService(ref, backends.service))) return [];
    if (!isNamed) return ['absent'];
    return stable + candidate === 0 ? [] : [(100 * candidate) / (stable + candidate)];
  });
  const [first, ...rest] = new Set(shares);
  // Rules for testers alone are left of what somebody has changed.
  if (first === undefined) return hasCandidate(rules, backends) ? 'mixed' : 'absent';
  if (first === 'absent' && rest.length === 0) return hasCandidate(rules, backends) ? 'mixed' : 'absent';
  return rest.length > 0 ? 'mixed' : first;
}

/**
 * Rules with which the new pods get so many percent of what the old ones have got; other backends keep their shares. A
 * rule for testers stands before each rule that is split.
 */
export function withShare(
  rules: readonly RouteRule[],
  backends: Backends,
  { percent, tester }: { percent: number; tester?: TesterHeader },
): RouteRule[] {
  return withoutCandidate(rules, backends).flatMap((rule) => {
    const { backendRefs = [] } = rule;
    if (!backendRefs.some((ref) => isService(ref, backends.service))) return [rule];
    const split = backendRefs.flatMap((ref): BackendRef[] => {
      const { weight = 1 } = ref;
      if (!isService(ref, backends.service)) return [{ ...ref, weight: weight * factor }];
      return [
        { ...ref, weight: weight * (factor - percent) },
        { ...ref, name: backends.candidate, weight: weight * percent },
      ];
    });
    const forTesters = tester === undefined ? [] : [testerRule(rule, backends, tester)];
    return [...forTesters, { ...rule, backendRefs: split }];
  });
}

/** Rules as they were before {@link withShare}. */
export function withoutCandidate(rules: readonly RouteRule[], backends: Backends): RouteRule[] {
  return rules.flatMap((rule) => {
    const { backendRefs = [] } = rule;
    const added = backendRefs.filter((ref) => isService(ref, backends.candidate));
    if (added.length === 0) return [rule];
    const own = backendRefs.filter((ref) => !isService(ref, backends.candidate));
    if (own.length === 0) return [];
    const whole = own.map((ref, index): BackendRef => {
      // A rule may have the Service several times, by one port with other filters: the shares come in their order.
      const before = own.slice(0, index).filter((each) => isSamePort(each, ref, backends.service));
      const share = isService(ref, backends.service)
        ? added.filter(({ port }) => port === ref.port)[before.length]
        : undefined;
      return { ...ref, weight: Math.round(((ref.weight ?? 1) + (share?.weight ?? 0)) / factor) };
    });
    return [{ ...rule, backendRefs: whole }];
  });
}

/** Why the traffic of a Service cannot be split by these rules; undefined: it can. */
export function unsplittable(rules: readonly RouteRule[], service: string): string | undefined {
  const refs = rules.flatMap(({ backendRefs = [] }) => backendRefs);
  const own = refs.filter((ref) => isService(ref, service));
  if (own.every(({ weight = 1 }) => weight === 0)) return `sends nothing to Service ${service}`;
  if (refs.some(({ weight = 1 }) => weight * factor > mostWeight))
    return `has a weight above ${String(mostWeight / factor)}, which leaves no room for shares of it`;
  return undefined;
}

/** Whether the route's Gateways have taken it as it is now, and what they say against it. */
export function acceptance({ metadata, spec, status }: HttpRoute): { isInForce: boolean; problem?: string } {
  const parents = (status?.parents ?? []).filter(({ parentRef }) =>
    (spec.parentRefs ?? []).some((wanted) => isSameParent(wanted, parentRef)),
  );
  const current = parents.map(({ conditions = [] }) =>
    conditions.filter(({ observedGeneration = 0 }) => observedGeneration >= (metadata.generation ?? 0)),
  );
  const isTaken = (conditions: readonly Condition[]) =>
    ['Accepted', 'ResolvedRefs'].every((type) =>
      conditions.some((each) => each.type === type && each.status === 'True'),
    );
  const refused = current
    .flat()
    .find(({ type, status: is }) => (type === 'Accepted' || type === 'ResolvedRefs') && is === 'False');
  const problem = refused === undefined ? undefined : (refused.message ?? refused.reason ?? refused.type);
  return { isInForce: current.length > 0 && current.every(isTaken), ...defined({ problem }) };
}

/** Requests with the header go to the new pods alone. */
function testerRule(
  { name: _, ...rule }: RouteRule,
  { service, candidate }: Backends,
  tester: TesterHeader,
): RouteRule {
  const header: HeaderMatch = { type: 'Exact', ...tester };
  const { matches = [{}], backendRefs = [] } = rule;
  return {
    ...rule,
    matches: matches.map((match) => ({ ...match, headers: [...(match.headers ?? []), header] })),
    backendRefs: backendRefs
      .filter((ref) => isService(ref, service))
      .map((ref) => ({ ...ref, name: candidate, weight: 1 })),
  };
}

function hasCandidate(rules: readonly RouteRule[], { candidate }: Backends): boolean {
  return rules.some(({ backendRefs = [] }) => backendRefs.some((ref) => isService(ref, candidate)));
}

function isService({ group = '', kind = 'Service', name }: BackendRef, service: string): boolean {
  return group === '' && kind === 'Service' && name === service;
}

function isSamePort(one: BackendRef, other: BackendRef, service: string): boolean {
  return isService(one, service) && one.port === other.port;
}

function sum(refs: readonly BackendRef[], service: string): number {
  return refs.reduce((total, ref) => total + (isService(ref, service) ? (ref.weight ?? 1) : 0), 0);
}

function isSameParent(wanted: ParentReference, seen: ParentReference): boolean {
  const keyOf = ({ name, sectionName, port }: ParentReference) => [name, sectionName ?? '', port ?? 0];
  return sameJson(keyOf(wanted), keyOf(seen));
}
