import type { StoredObject } from '../store/objects.ts';
import type { Fields } from './fields.ts';
import { at, child, items } from './fields.ts';
import type { Kind } from './kind.ts';
import { apiVersionOf } from './kind.ts';

/** A second form of a kind: it is stored as `storedAs`, and translated when it is read or written in this form. */
interface Conversion {
  /** The apiVersion in which the objects are stored. */
  storedAs: string;
  fromStored: (object: Fields) => Fields;
  toStored: (object: Fields) => Fields;
}

/** Fields of `events.k8s.io/v1` Events, and what core Events call them. */
const eventFields: Record<string, string> = {
  regarding: 'involvedObject',
  note: 'message',
  reportingController: 'reportingComponent',
  deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedCount: 'count',
};

function rename(object: Fields, names: Readonly<Record<string, string>>): Fields {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [names[name] ?? name, value]));
}

const flipped = (names: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(names).map(([name, stored]) => [stored, name]));

const isCpuUtilization = (metric: Fields): boolean =>
  at(metric, 'resource', 'name') === 'cpu' && at(metric, 'resource', 'target', 'type') === 'Utilization';

/** `autoscaling/v1` knows one metric, the use of CPU; others are left out of it. */
function autoscalerFromStored(object: Fields): Fields {
  const { metrics: _metrics, behavior: _behavior, ...spec } = child(object, 'spec') ?? {};
  const cpu = items(child(object, 'spec'), 'metrics').find(isCpuUtilization);
  const target = at(cpu, 'resource', 'target', 'averageUtilization');
  return {
    ...object,
    spec: { ...spec, ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }) },
  };
}

function autoscalerToStored(object: Fields): Fields {
  const { targetCPUUtilizationPercentage: target, ...spec } = child(object, 'spec') ?? {};
  if (target === undefined) return { ...object, spec };
  const resource = { name: 'cpu', target: { type: 'Utilization', averageUtilization: target } };
  return { ...object, spec: { ...spec, metrics: [{ type: 'Resource', resource }] } };
}

const conversions: Record<string, Conversion> = {
  'events.k8s.io/v1 Event': {
    storedAs: 'v1',
    fromStored: (object) => rename(object, flipped(eventFields)),
    toStored: (object) => rename(object, eventFields),
  },
  'autoscaling/v1 HorizontalPodAutoscaler': {
    storedAs: 'autoscaling/v2',
    fromStored: autoscalerFromStored,
    toStored: autoscalerToStored,
  },
};

const conversionOf = (kind: Kind): Conversion | undefined =>
  conversions[`${apiVersionOf(kind)} ${kind.kind}`];

/** A stored object in the version of `kind`; custom kinds differ in nothing but the version's name. */
export function toVersion(kind: Kind, object: StoredObject): StoredObject {
  const apiVersion = apiVersionOf(kind);
  if (object.apiVersion === apiVersion) return object;
  const conversion = conversionOf(kind);
  return { ...(conversion?.fromStored(object) ?? object), apiVersion } as StoredObject;
}

/** An object of the version of `kind` as it is stored. */
export function toStored(kind: Kind, object: StoredObject): StoredObject {
  const conversion = conversionOf(kind);
  if (conversion === undefined) return object;
  return { ...conversion.toStored(object), apiVersion: conversion.storedAs } as StoredObject;
}
