import { defined } from '../base/defined.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import type { Backends, CandidateShare, TesterHeader } from './http-route.ts';

interface IngressPath {
  path?: string;
  pathType?: string;
  backend: { service?: { name: string; [field: string]: unknown } };
}

/** An Ingress, as far as its traffic is split. */
export interface Ingress extends KubernetesObject {
  spec: {
    ingressClassName?: string;
    rules?: readonly { host?: string; http?: { paths: readonly IngressPath[] } }[];
  };
}

/** The version of Ingress that every Kubernetes since 1.19 serves. */
export const ingressKind = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' };

const prefix = 'nginx.ingress.kubernetes.io/';
/** Of Ingresses from before the field. */
const classAnnotation = 'kubernetes.io/ingress.class';

/**
 * A second Ingress by which ingress-nginx gives the Service of the new pods a share of what the first one sends to the old
 * ones (https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#canary).
 */
export function canaryIngress(
  { metadata, spec }: Ingress,
  { service, candidate }: Backends,
  { percent, tester, labels }: { percent: number; tester?: TesterHeader; labels: Record<string, string> },
): Ingress {
  const { ingressClassName, rules = [] } = spec;
  const { namespace, annotations } = metadata;
  const given = annotations?.[classAnnotation];
  return {
    ...ingressKind,
    metadata: {
      ...{ name: candidate, labels, ...defined({ namespace }) },
      annotations: {
        ...(given === undefined ? {} : { [classAnnotation]: given }),
        [`${prefix}canary`]: 'true',
        [`${prefix}canary-weight`]: String(percent),
        ...(tester === undefined
          ? {}
          : {
              [`${prefix}canary-by-header`]: tester.name,
              [`${prefix}canary-by-header-value`]: tester.value,
            }),
      },
    },
    spec: {
      ...defined({ ingressClassName }),
      rules: rules.flatMap(({ http, ...rule }) => {
        const paths = (http?.paths ?? []).filter(({ backend }) => backend.service?.name === service);
        const moved = paths.map((path) => ({
          ...path,
          backend: { ...path.backend, service: { ...path.backend.service, name: candidate } },
        }));
        return moved.length === 0 ? [] : [{ ...rule, http: { paths: moved } }];
      }),
    },
  };
}

/** The share that a canary Ingress gives its Service; undefined: there is none. */
export function ingressShare(canary: Ingress | undefined): CandidateShare {
  if (canary === undefined) return 'absent';
  const { annotations = {} } = canary.metadata;
  const weight = annotations[`${prefix}canary-weight`] ?? '';
  return annotations[`${prefix}canary`] === 'true' && /^\d+$/.test(weight) ? Number(weight) : 'mixed';
}

/** Why the traffic of a Service cannot be split beside an Ingress; undefined: it can. */
export function unsplittableIngress({ spec }: Ingress, service: string): string | undefined {
  const paths = (spec.rules ?? []).flatMap(({ http }) => http?.paths ?? []);
  if (paths.some(({ backend }) => backend.service?.name === service)) return undefined;
  return `sends nothing to Service ${service}`;
}
