import { InputError } from '../../base/errors.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import {
  applicationLabel,
  configurationLabel,
  defaultTimeoutMs,
  migrationLabel,
} from '../../release/record/release-record.ts';
import type { ReleaseMigration } from '../../release/migration.ts';
import { referenceOf } from '../../kubernetes/workload-objects.ts';
import type { Refusal } from '../../strategies/strategy.ts';
import { withDefaultProtocols } from './default-protocols.ts';
import { resolveKinds, type ManifestKinds } from './kinds.ts';
import { fieldPathIn } from './field-path.ts';
import { withoutOtherHooks } from './helm-hooks.ts';
import { assertUnselected } from './job-labels.ts';
import { inDependencyOrder } from './order.ts';
import { migrationFaults } from './migration-faults.ts';
import { parseManifests, type LocatedManifest, type Manifest, type ManifestFile } from './parse-manifests.ts';
import { prepareMigration } from './prepare-migration.ts';
import { releaseWarnings } from './release-warnings.ts';
import { setImages, type PushedImage } from './set-images.ts';
import { chosenStrategy, durationOr, type DeploySettings } from './settings.ts';
import { versionConfiguration } from './version-configuration.ts';

/** Looks at the objects of manifests, each with its namespace, before any of them is sent. @throws InputError */
export type AdmitObjects = (objects: readonly Manifest[]) => void;

/** What a release is made from. */
export interface PrepareRequest {
  files: readonly ManifestFile[];
  settings: DeploySettings;
  application: string;
  /** Of objects that do not say. */
  namespace: string;
  pushed: readonly PushedImage[];
  /** What `deploy.migrate` names; missing: there is no migration. */
  migration?: { files: readonly ManifestFile[]; suffix: string };
  admit?: AdmitObjects;
}

/** The objects as they will be applied. */
export interface PreparedRelease {
  objects: KubernetesObject[];
  /** What must have ended before they are applied. */
  migration?: ReleaseMigration;
  kinds: ManifestKinds;
  warnings: string[];
  /** Where what a refusal of the object names stands in its manifest: `k8s/web.yaml:14`. */
  placeOf(object: KubernetesObject, message: string): string | undefined;
}

/**
 * Turns manifest files into the objects of a release: parsed, namespaced, labelled, with their images, configuration
 * and the strategy's settings, in the order of their dependencies. Changes nothing in the cluster.
 * @throws InputError
 */
export async function prepareRelease(
  { files, settings, application, namespace, pushed, migration, admit }: PrepareRequest,
  cluster: Cluster,
  options: CallOptions,
): Promise<PreparedRelease> {
  const warnings: string[] = [];
  const warn = (warning: string) => warnings.push(warning);
  const manifests = inDependencyOrder(withoutOtherHooks(parseManifests(files, warn), warn));
  const migrating = parseManifests(migration?.files ?? [], warn);
  const all = [...manifests, ...migrating];
  const kinds = await resolveKinds(all, cluster, options);
  const placed = all.map(({ object, location }) => {
    const home = kinds.isNamespaced(object) ? { namespace: object.metadata.namespace ?? namespace } : {};
    return { location, object: withDefaultProtocols(plainSecret(owned(object, application, home))) };
  });
  admit?.(placed);
  const unversioned = placed.slice(0, manifests.length).map(({ object }) => object);
  if (migration !== undefined) assertMigrates(migrating, { objects: unversioned, namespace });
  const timeoutMs = durationOr(settings.migrate?.timeout, defaultTimeoutMs);
  const first = prepareMigration({
    objects: placed.slice(manifests.length).map(({ object }) => object),
    ...{ released: unversioned, application, suffix: migration?.suffix ?? '', timeoutMs },
  });
  for (const each of first.unused)
    warn(`${each} of the migration is used by no pod of its Job: it is not made`);
  assertUnselected(settings.analyses, unversioned);
  const versioned = settings.configuration === 'inPlace' ? unversioned : versionConfiguration(unversioned);
  const imaged = setImages([...versioned, ...first.objects], settings.images, pushed);
  const released = imaged.objects.slice(0, versioned.length);
  const before = imaged.objects.slice(versioned.length);
  const job = before.at(-1);
  const chosen = chosenStrategy(settings);
  const placeOf = (object: KubernetesObject, message: string): string | undefined => {
    const manifest = all.find((each) => isOf(each.object, object, namespace));
    return manifest?.lineOf(fieldPathIn(message, manifest.object));
  };
  assertReleasable(chosen.strategy.refuses?.(released, chosen.settings) ?? [], placeOf);
  const objects = chosen.strategy.prepare(released, chosen.settings);
  const risks = releaseWarnings(objects, { holds: chosen.strategy.parts !== undefined });
  return {
    objects,
    ...(job === undefined ? {} : { migration: { objects: before, job: referenceOf(job), timeoutMs } }),
    kinds,
    warnings: [...warnings, ...imaged.warnings, ...risks.map(({ message }) => message)],
    placeOf,
  };
}

/** @throws InputError that lists everything that is wrong with the file of a migration */
function assertMigrates(
  manifests: readonly LocatedManifest[],
  around: Parameters<typeof migrationFaults>[1],
): void {
  const faults = migrationFaults(manifests, around);
  const [first] = faults;
  if (first === undefined) return;
  const lines = faults.map(({ manifest, path, message }) =>
    manifest === undefined ? message : `${manifest.lineOf(path)}: ${message}`,
  );
  throw new InputError(lines.join('; '), { hint: first.hint });
}

/** @throws InputError that lists everything that the strategy cannot release */
function assertReleasable(
  refusals: readonly Refusal[],
  placeOf: (object: KubernetesObject, message: string) => string | undefined,
): void {
  const [first] = refusals;
  if (first === undefined) return;
  const lines = refusals.map(({ object, field = '', message }) => {
    const place = object === undefined ? undefined : placeOf(object, `.${field}: `);
    return place === undefined ? message : `${place}: ${message}`;
  });
  throw new InputError(lines.join('; '), { hint: first.hint });
}

/** Whether an object that will be applied is that of a manifest; a ConfigMap may have got a name per content. */
function isOf(manifest: KubernetesObject, applied: KubernetesObject, namespace: string): boolean {
  const { name, labels } = applied.metadata;
  const home = applied.metadata.namespace;
  return (
    manifest.apiVersion === applied.apiVersion &&
    manifest.kind === applied.kind &&
    (home === undefined || (manifest.metadata.namespace ?? namespace) === home) &&
    [name, labels?.[configurationLabel], labels?.[migrationLabel]].includes(manifest.metadata.name)
  );
}

function owned(
  object: KubernetesObject,
  application: string,
  home: { namespace?: string },
): KubernetesObject {
  const { namespace: _, ...metadata } = object.metadata;
  const labels = {
    ...metadata.labels,
    [applicationLabel]: application,
    'app.kubernetes.io/managed-by': metadata.labels?.['app.kubernetes.io/managed-by'] ?? 'slipway',
  };
  return { ...object, metadata: { ...metadata, ...home, labels } };
}

/** `stringData` is for writing only and wins over `data`; apply would not see it taken away again. */
function plainSecret(object: KubernetesObject): KubernetesObject {
  const { stringData, ...rest } = object;
  if (object.kind !== 'Secret' || stringData === undefined) return object;
  const { data = {} } = rest;
  // The API says what is wrong with what is no text.
  if (!isTexts(stringData) || !isTexts(data)) return object;
  const encoded = Object.entries(stringData).map(([key, value]) => [
    key,
    Buffer.from(value).toString('base64'),
  ]);
  return { ...rest, data: { ...data, ...(Object.fromEntries(encoded) as Record<string, string>) } };
}

function isTexts(value: unknown): value is Record<string, string> {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap && Object.values(value).every((text) => typeof text === 'string');
}
