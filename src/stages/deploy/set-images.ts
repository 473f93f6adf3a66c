import { InputError } from '../../base/errors.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { containersOf, podTemplateOf } from '../../kubernetes/workload-objects.ts';

/** An image that an earlier stage of the run pushed. */
export interface PushedImage {
  stage: string;
  /** `harbor.example.com/shop/web@sha256:…` */
  reference: string;
}

/** The outputs of image stages: those with a `reference` by digest. */
export function pushedImages(
  outputs: Readonly<Record<string, Readonly<Record<string, string>>>>,
): PushedImage[] {
  return Object.entries(outputs).flatMap(([stage, { reference }]) =>
    reference !== undefined && /@sha256:[0-9a-f]{64}$/.test(reference) ? [{ stage, reference }] : [],
  );
}

/** The repository of an image reference: without tag and digest, the port of the host kept. */
export function repositoryOf(reference: string): string {
  const [withoutDigest = ''] = reference.split('@');
  return withoutDigest.replace(/:[^/:]+$/, '');
}

/**
 * Sets the images of containers, by name (`images`) or, where `images` is missing, of every container whose image is
 * of the repository that the run has pushed.
 * @returns the objects, changed in copies, and what a person should know
 * @throws InputError when `images` names a container that is not there
 */
export function setImages(
  objects: readonly KubernetesObject[],
  images: Readonly<Record<string, string>> | undefined,
  pushed: readonly PushedImage[],
): { objects: KubernetesObject[]; warnings: string[] } {
  const used = new Set<string>();
  const copies = structuredClone(objects) as KubernetesObject[];
  for (const container of copies.flatMap((object) => containersOf(podTemplateOf(object)))) {
    const named = images?.[container.name];
    const match = pushed.find(
      ({ reference }) => repositoryOf(reference) === repositoryOf(container.image ?? ''),
    );
    if (named !== undefined) {
      container.image = named;
      used.add(container.name);
    } else if (images === undefined && match !== undefined) {
      container.image = match.reference;
      used.add(match.stage);
    }
  }
  const missing = Object.keys(images ?? {}).filter((container) => !used.has(container));
  if (missing.length > 0) {
    const names = copies.flatMap((object) => containersOf(podTemplateOf(object))).map(({ name }) => name);
    throw new InputError(`deploy.images names containers that no manifest has: ${missing.join(', ')}`, {
      hint:
        names.length === 0
          ? 'the manifests have no containers'
          : `there are: ${[...new Set(names)].join(', ')}`,
    });
  }
  const warnings =
    images === undefined
      ? pushed
          .filter(({ stage }) => !used.has(stage))
          .map(
            ({ stage, reference }) =>
              `no container uses ${repositoryOf(reference)}, which stage ${stage} pushed: name the container under deploy.images`,
          )
      : [];
  return { objects: copies, warnings };
}
