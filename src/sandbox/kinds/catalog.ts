import type { Kind, Subresource } from './kind.ts';
import { parseApiVersion } from './kind.ts';
import { gatewayKinds, kindTable } from './table.ts';

/** What of a CustomResourceDefinition makes its kinds. */
interface CustomResourceDefinitionSpec {
  group: string;
  scope: 'Namespaced' | 'Cluster';
  names: { kind: string; plural: string; singular?: string; shortNames?: string[]; categories?: string[] };
  versions: { name: string; served: boolean; storage: boolean; subresources?: Record<string, unknown> }[];
}

/** The kinds that are served now: those of the table and those of the stored CustomResourceDefinitions. */
export interface Catalog {
  all(): readonly Kind[];
  /** By kind's name; without `group` the first of that name, built-in kinds first. */
  byKind(kind: string, group?: string): Kind | undefined;
  /** By URL: group, version, plural. */
  byResource(group: string, version: string, plural: string): Kind | undefined;
  byApiVersion(apiVersion: string, kind: string): Kind | undefined;
  /** Puts the kinds of these CustomResourceDefinitions (their `spec`) in the place of the earlier ones. */
  setCustom(specs: readonly unknown[]): void;
}

function kindsOfDefinition(spec: CustomResourceDefinitionSpec): Kind[] {
  return spec.versions
    .filter((version) => version.served)
    .sort((a, b) => Number(b.storage) - Number(a.storage))
    .map((version) => ({
      group: spec.group,
      version: version.name,
      kind: spec.names.kind,
      plural: spec.names.plural,
      singular: spec.names.singular ?? spec.names.kind.toLowerCase(),
      shortNames: spec.names.shortNames ?? [],
      categories: spec.names.categories ?? [],
      namespaced: spec.scope === 'Namespaced',
      subresources: Object.keys(version.subresources ?? {}).filter(
        (name): name is Subresource => name === 'status' || name === 'scale',
      ),
      isReview: false,
      hasGeneration: true,
      isCreatedByPut: false,
      model: undefined,
      isCustom: true,
      warning: undefined,
    }));
}

/** The catalog of the built-in kinds; custom ones are added by {@link Catalog.setCustom}. */
export function createCatalog(): Catalog {
  let kinds: readonly Kind[] = [...kindTable, ...gatewayKinds];
  return {
    all: () => kinds,
    byKind: (kind, group) =>
      kinds.find((row) => row.kind === kind && (group === undefined || row.group === group)),
    byResource: (group, version, plural) =>
      kinds.find((row) => row.plural === plural && row.group === group && row.version === version),
    byApiVersion(apiVersion, kind) {
      const { group, version } = parseApiVersion(apiVersion);
      return kinds.find((row) => row.kind === kind && row.group === group && row.version === version);
    },
    setCustom(specs) {
      const custom = (specs as CustomResourceDefinitionSpec[]).flatMap(kindsOfDefinition);
      const taken = new Set(custom.map((row) => `${row.group}/${row.kind}`));
      kinds = [
        ...kindTable,
        ...gatewayKinds.filter((row) => !taken.has(`${row.group}/${row.kind}`)),
        ...custom,
      ];
    },
  };
}
