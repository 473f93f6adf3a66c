import { afterAll, beforeAll, jest } from '@jest/globals';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { pod } from './objects.ts';
import { connect, type Answer, type Json, type RequestOptions, type Wire } from './wire.ts';

/** The outcome of a kubectl command. */
export interface CommandOutcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** A namespace of its own for a file of cases, and short ways to the API. */
export interface Lab {
  readonly namespace: string;
  readonly wire: Wire;
  /** Whether the cases run on the sandbox; only for what DESIGN lets differ, each use says what. */
  readonly onSandbox: boolean;
  /** The URL of a resource in the lab's namespace: `url('deployments', 'web', 'scale')`; the version comes from discovery. */
  url(plural: string, name?: string, subresource?: string): Promise<string>;
  /** The apiVersion that the cluster prefers for a resource. */
  apiVersion(plural: string): Promise<string>;
  /** Creates the object and fails when the server refuses it. */
  create(plural: string, object: Json): Promise<Json>;
  post(plural: string, object: Json, query?: Record<string, string>): Promise<Answer>;
  get(plural: string, name: string): Promise<Json>;
  read(plural: string, name?: string, query?: Record<string, string>): Promise<Answer>;
  patch(
    plural: string,
    name: string,
    body: unknown,
    type?: PatchType,
    options?: RequestOptions,
  ): Promise<Answer>;
  put(plural: string, name: string, body: Json): Promise<Answer>;
  remove(plural: string, name: string, options?: Json): Promise<Answer>;
  /** Reads until `check` accepts the object (undefined when it is not there); fails after `seconds` (three times as long on a real cluster) with the last one seen. */
  until(plural: string, name: string, check: (object: Json) => boolean, seconds?: number): Promise<Json>;
  /** Lists until `check` accepts the items. */
  untilList(
    plural: string,
    query: Record<string, string>,
    check: (items: Json[]) => boolean,
    seconds?: number,
  ): Promise<Json[]>;
  /** Runs kubectl in the lab's namespace; never throws for an exit code. */
  kubectl(args: string[], input?: string): Promise<CommandOutcome>;
  /** The messages and reasons of an object's events. */
  events(name: string): Promise<{ reason: string; message: string; type: string; count: number }[]>;
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

const patchTypes: Record<PatchType, string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

const onSandboxValue = process.env['SLIPWAY_TEST_CLUSTER'] === 'sandbox';

/**
 * What a wait's seconds are multiplied by. They are what the sandbox is held to. A real cluster is the truth here, not
 * what is tested: its kubelet starts a failed container again after 10 to 15 s. Cases that need
 * longer than others multiply their own limits by it.
 */
export const patience = onSandboxValue ? 1 : 3;

/**
 * Milliseconds that the events of a real kubelet may be late: it sends five a second (client-go's default), one after the
 * other, and a suite makes hundreds. Seen: 71 s. The sandbox has none of this.
 */
export const eventLagMs = onSandboxValue ? 0 : 120_000;

jest.setTimeout(30_000 * patience + eventLagMs);

/** Where each resource lives; a group's version is looked up. */
const groups: Record<string, string> = {
  deployments: 'apps',
  replicasets: 'apps',
  statefulsets: 'apps',
  daemonsets: 'apps',
  controllerrevisions: 'apps',
  jobs: 'batch',
  cronjobs: 'batch',
  poddisruptionbudgets: 'policy',
  endpointslices: 'discovery.k8s.io',
  horizontalpodautoscalers: 'autoscaling',
  ingresses: 'networking.k8s.io',
  httproutes: 'gateway.networking.k8s.io',
  gateways: 'gateway.networking.k8s.io',
  referencegrants: 'gateway.networking.k8s.io',
  networkpolicies: 'networking.k8s.io',
  roles: 'rbac.authorization.k8s.io',
  rolebindings: 'rbac.authorization.k8s.io',
  leases: 'coordination.k8s.io',
};

/** What is in the way of ending quickly: pods come last, without grace. */
const cleanedUp = ['deployments', 'replicasets', 'statefulsets', 'daemonsets', 'jobs', 'pods'];

/** Makes a {@link Lab} for the file that calls it, with hooks that create and remove its namespace. */
export function useLab(topic: string): Lab {
  const kubeconfig = process.env['SLIPWAY_TEST_KUBECONFIG'] ?? '';
  const namespace = `conf-${topic}-${randomBytes(3).toString('hex')}`;
  const versions = new Map<string, Promise<string>>();
  let wire: Wire;

  beforeAll(async () => {
    wire = await connect(kubeconfig);
    const made = await wire.request('POST', '/api/v1/namespaces', {
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    });
    if (made.code !== 201) throw new Error(`no namespace: ${JSON.stringify(made.body)}`);
    // A real cluster takes pods only once the namespace's service account is complete.
    const trial = pod('trial', 'true');
    await poll(
      () => post('pods', trial, { dryRun: 'All' }),
      ({ code }) => code === 201,
      'the first pod',
      20,
    );
  }, 30_000 * patience);

  afterAll(async () => {
    for (const plural of cleanedUp) {
      const body = {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        gracePeriodSeconds: 0,
        propagationPolicy: 'Background',
      };
      await wire.request('DELETE', await url(plural), { body });
    }
    await wire.request('DELETE', `/api/v1/namespaces/${namespace}`);
    await wire.close();
  }, 30_000 * patience);

  async function findVersion(plural: string): Promise<string> {
    const group = groups[plural];
    if (group === undefined) return 'v1';
    const { body } = await wire.request('GET', `/apis/${group}`);
    const preferred = body.preferredVersion?.groupVersion as string;
    const all = [preferred, ...body.versions.map((version: Json) => version.groupVersion as string)];
    for (const version of all) {
      const resources = await wire.request('GET', `/apis/${version}`);
      if (resources.body.resources.some((resource: Json) => resource.name === plural)) return version;
    }
    throw new Error(`the cluster does not serve ${plural}`);
  }

  function apiVersion(plural: string): Promise<string> {
    const known = versions.get(plural) ?? findVersion(plural);
    versions.set(plural, known);
    return known;
  }

  async function url(plural: string, name?: string, subresource?: string): Promise<string> {
    const version = await apiVersion(plural);
    const root = version === 'v1' ? '/api/v1' : `/apis/${version}`;
    return [root, 'namespaces', namespace, plural, name, subresource]
      .filter((part) => part !== undefined)
      .join('/');
  }

  async function read(plural: string, name?: string, query: Record<string, string> = {}): Promise<Answer> {
    return wire.request('GET', await url(plural, name), { query });
  }

  async function post(plural: string, object: Json, query: Record<string, string> = {}): Promise<Answer> {
    const body = { apiVersion: await apiVersion(plural), ...object };
    return wire.request('POST', await url(plural), { body, query });
  }

  async function until(
    plural: string,
    name: string,
    check: (object: Json) => boolean,
    seconds = 10,
  ): Promise<Json> {
    const look = async (): Promise<Json> => {
      const { code, body } = await read(plural, name);
      return code === 404 ? undefined : body;
    };
    return poll(look, check, `${plural}/${name}`, seconds);
  }

  return {
    namespace,
    get wire() {
      return wire;
    },
    onSandbox: onSandboxValue,
    url,
    apiVersion,
    post,
    read,
    until,
    create: async (plural, object) => {
      const answer = await post(plural, object);
      if (answer.code !== 201) throw new Error(`${plural} was refused: ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    get: async (plural, name) => {
      const answer = await read(plural, name);
      if (answer.code !== 200) throw new Error(`no ${plural}/${name}: ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    patch: async (plural, name, body, type = 'merge', options = {}) => {
      const query = { ...(type === 'apply' ? { fieldManager: 'tester' } : {}), ...options.query };
      return wire.request('PATCH', await url(plural, name), {
        contentType: patchTypes[type],
        ...options,
        query,
        body,
      });
    },
    put: async (plural, name, body) => wire.request('PUT', await url(plural, name), { body }),
    remove: async (plural, name, options) =>
      wire.request(
        'DELETE',
        await url(plural, name),
        options === undefined ? {} : { body: { kind: 'DeleteOptions', apiVersion: 'v1', ...options } },
      ),
    untilList: (plural, query, check, seconds = 10) =>
      poll(async () => (await read(plural, undefined, query)).body.items as Json[], check, plural, seconds),
    kubectl: (args, input) => runKubectl(kubeconfig, ['--namespace', namespace, ...args], input),
    events: async (name) => {
      const { body } = await read('events', undefined, { fieldSelector: `involvedObject.name=${name}` });
      return body.items;
    },
  };
}

async function poll<T>(
  look: () => Promise<T>,
  check: (value: T) => boolean,
  what: string,
  seconds: number,
): Promise<T> {
  const end = Date.now() + seconds * patience * 1000 + (what === 'events' ? eventLagMs : 0);
  for (;;) {
    const value = await look();
    if (check(value)) return value;
    if (Date.now() > end)
      throw new Error(`${what} did not come to be as expected; last seen: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function runKubectl(kubeconfig: string, args: string[], input?: string): Promise<CommandOutcome> {
  return new Promise((resolve) => {
    const child = execFile(
      'kubectl',
      ['--kubeconfig', kubeconfig, ...args],
      { timeout: 20_000 * patience },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.end(input ?? '');
  });
}
