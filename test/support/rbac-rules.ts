import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'deploy', 'rbac');

interface RoleDocument {
  kind: string;
  rules?: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}

/** The names of the files of deploy/rbac. */
export type RbacFile =
  | 'agent-namespace.yaml'
  | 'analysis-jobs.yaml'
  | 'application-namespace.yaml'
  | 'blue-green.yaml'
  | 'canary.yaml'
  | 'canary-http-route.yaml'
  | 'canary-ingress.yaml'
  | 'create-namespaces.yaml';

/** The text of a file of deploy/rbac with its namespaces replaced. */
export async function rbacText(file: RbacFile, namespaces: Record<string, string> = {}): Promise<string> {
  return (await readFile(join(folder, file), 'utf8')).replace(
    /^( *)namespace: (\S+)$/gm,
    (_line, indent: string, name: string) => `${indent}namespace: ${namespaces[name] ?? name}`,
  );
}

/** Each right that a file of deploy/rbac gives, as {@link rightText} writes it, sorted. */
export async function rbacRights(file: RbacFile): Promise<string[]> {
  const documents = parseAllDocuments(await rbacText(file)).map(
    (document) => document.toJS() as RoleDocument,
  );
  return documents
    .flatMap(({ rules = [] }) => rules)
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((path) =>
          verbs.map((verb) => {
            const [resource = '', subresource] = path.split('/');
            return rightText({ verb, group, resource, subresource });
          }),
        ),
      ),
    )
    .sort();
}

/** `create pods/exec`, `list leases.coordination.k8s.io` */
export function rightText(right: {
  verb: string;
  group: string;
  resource: string;
  subresource?: string | undefined;
}): string {
  const { verb, group, resource, subresource } = right;
  const path = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `${verb} ${path}${group === '' ? '' : `.${group}`}`;
}

/** The right that a request to a namespace needs, as {@link rightText} writes it; undefined: none, as for discovery. */
export function rightOf(method: string, url: string): string | undefined {
  const { pathname, searchParams } = new URL(url, 'http://api');
  const found =
    /^\/(?:api|apis\/(?<group>[^/]+))\/[^/]+\/namespaces\/(?<namespace>[^/]+)(?:\/(?<resource>[^/]+)(?:\/(?<name>[^/]+)(?:\/(?<subresource>.+))?)?)?$/.exec(
      pathname,
    )?.groups;
  if (found === undefined) return undefined;
  const { group = '', resource = 'namespaces', name, subresource } = found;
  const isOne = name !== undefined || found['resource'] === undefined;
  const reading = searchParams.get('watch') === 'true' ? 'watch' : isOne ? 'get' : 'list';
  const verbs: Record<string, string> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
  return rightText({ verb: verbs[method] ?? reading, group, resource, subresource });
}
