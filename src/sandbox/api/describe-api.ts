import { createHash } from 'node:crypto';
import type { Kind } from '../kinds/kind.ts';
import { apiGroup, apiGroupList, resourceList } from './discovery.ts';
import { openApiDocument, openApiIndex } from './openapi/v3.ts';

/** The Kubernetes version whose behaviour the sandbox follows. */
const versionInfo = {
  major: '1',
  minor: '32',
  gitVersion: 'v1.32.0+slipway',
  gitCommit: '0'.repeat(40),
  gitTreeState: 'clean',
  buildDate: '2024-12-11T00:00:00Z',
  goVersion: 'none',
  compiler: 'node',
  platform: `${process.platform}/${process.arch}`,
};

/** What is said of the API itself: something that goes as JSON, or bytes of another type. */
export type Description = { body: unknown } | { type: string; bytes: Buffer };

/** What Go clients ask for with every `kubectl apply`, for as long as the kinds stay the same. */
const encoded = new WeakMap<readonly Kind[], Buffer>();

async function describeOpenApi(
  path: string,
  kinds: readonly Kind[],
  accept: string,
): Promise<Description | undefined> {
  if (path === 'v2') {
    // Few clients ask for it, and it takes the types of all kinds.
    const { openApiV2 } = await import('./openapi/v2.ts');
    if (!accept.includes('protobuf')) return { body: openApiV2(kinds) };
    const { encodeOpenApiV2, openApiV2Protobuf } = await import('./openapi/v2-protobuf.ts');
    const bytes = encoded.get(kinds) ?? encodeOpenApiV2(openApiV2(kinds));
    encoded.set(kinds, bytes);
    return { type: openApiV2Protobuf, bytes };
  }
  const hash = createHash('sha256').update(JSON.stringify(kinds)).digest('hex').slice(0, 32);
  if (path === 'v3') return { body: openApiIndex(kinds, hash) };
  return { body: openApiDocument(kinds, path.replace(/^v3\/apis?\//, '')) };
}

function describeGroups(root: string, rest: readonly string[], kinds: readonly Kind[]): unknown {
  const path = rest.join('/');
  switch (root) {
    case 'version':
      return versionInfo;
    case 'api':
      if (path !== '') return resourceList(kinds, path);
      return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
    case 'apis':
      if (path === '') return apiGroupList(kinds);
      return rest.length === 1 ? apiGroup(kinds, path) : resourceList(kinds, path);
    default:
      return undefined;
  }
}

/** Discovery, version and OpenAPI. Undefined when the path is none of them. */
export async function describeApi(
  pathname: string,
  kinds: readonly Kind[],
  accept = '',
): Promise<Description | undefined> {
  const [root = '', ...rest] = pathname.split('/').filter((segment) => segment !== '');
  if (root === 'openapi') return describeOpenApi(rest.join('/'), kinds, accept);
  return { body: describeGroups(root, rest, kinds) };
}
