import * as z from '../../../base/zod.ts';
import type { CallOptions, ServedKind } from '../../../ports/cluster.ts';
import { NotFoundError, UnreachableError } from '../../../ports/cluster-errors.ts';
import type { ObjectKind } from '../../../ports/kubernetes-object.ts';
import { groupPath } from './paths.ts';
import type { Requests } from './requests.ts';

const ResourceList = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

/** How long what the API serves is believed: a CRD may be added by the very manifests being applied. */
const believedMs = 60_000;

/** Finds by the API's discovery how kinds are served; a group version is asked for once a minute at most. */
export class Discovery {
  readonly #requests: Requests;
  readonly #lists = new Map<string, { at: number; kinds: Promise<ReadonlyMap<string, ServedKind>> }>();

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** undefined when the API does not serve the kind in this version. A miss is asked for again each time. */
  async served({ apiVersion, kind }: ObjectKind, options: CallOptions): Promise<ServedKind | undefined> {
    const before = this.#lists.get(apiVersion);
    const found = (await this.#list(apiVersion, options)).get(kind);
    if (found !== undefined || before === undefined) return found;
    this.#lists.delete(apiVersion);
    return (await this.#list(apiVersion, options)).get(kind);
  }

  #list(apiVersion: string, options: CallOptions): Promise<ReadonlyMap<string, ServedKind>> {
    const cached = this.#lists.get(apiVersion);
    if (cached !== undefined && performance.now() - cached.at < believedMs) {
      // The call that asked first may have been cancelled: that is no answer to this one.
      return cached.kinds.catch(() => this.#fetch(apiVersion, options));
    }
    const kinds = this.#fetch(apiVersion, options);
    const entry = { at: performance.now(), kinds };
    this.#lists.set(apiVersion, entry);
    kinds.catch(() => {
      if (this.#lists.get(apiVersion) === entry) this.#lists.delete(apiVersion);
    });
    return kinds;
  }

  async #fetch(apiVersion: string, options: CallOptions): Promise<ReadonlyMap<string, ServedKind>> {
    let answer: unknown;
    try {
      const call = { method: 'GET', path: groupPath(apiVersion), what: `discover ${apiVersion}` } as const;
      answer = await this.#requests.send(call, options);
    } catch (error) {
      if (error instanceof NotFoundError) return new Map();
      throw error;
    }
    const parsed = ResourceList.safeParse(answer);
    if (!parsed.success) {
      throw new UnreachableError(`cannot discover ${apiVersion}: the answer is no list of resources`, {
        cause: parsed.error,
        hint: 'check what stands between this machine and the API server',
      });
    }
    return new Map(
      parsed.data.resources
        .filter(({ name }) => !name.includes('/'))
        .map(({ name, kind, namespaced }) => [kind, { apiVersion, kind, resource: name, namespaced }]),
    );
  }
}
