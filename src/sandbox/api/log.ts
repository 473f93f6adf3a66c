import { pipeline } from 'node:stream/promises';
import { at, child, defined, items } from '../kinds/fields.ts';
import { invalidValue } from '../kinds/rules.ts';
import type { ContainerKey, PodStreams } from './pod-streams.ts';
import { booleanOf, integerOf } from './query-parameters.ts';
import type { ApiRequest, ApiServerOptions, ResourcePath } from './request.ts';
import { badRequest, invalid, notFound, StatusError } from './status-error.ts';

/** What a request for a stream of a pod's container needs: whose, and from whom. */
export interface StreamTarget {
  key: ContainerKey;
  streams: PodStreams;
}

/**
 * Checks what a request to a pod's container names, before the kubelet is asked.
 * @throws StatusError NotFound for the pod, BadRequest for the container or a pod that no node has taken,
 * ServiceUnavailable where no kubelet runs.
 */
export function streamTarget(
  { objects, streams }: ApiServerOptions,
  { namespace = '', name = '', subresource }: ResourcePath,
  query: URLSearchParams,
): StreamTarget {
  const container = query.get('container') ?? '';
  const pod = objects.get({ kind: 'Pod', group: '', namespace, name });
  if (pod === undefined) throw notFound({ group: '', resource: 'pods', kind: 'Pod' }, name);
  const spec = child(pod, 'spec');
  if (at(spec, 'nodeName') === undefined) throw badRequest(`pod ${name} does not have a host assigned`);
  const names = (list: string): unknown[] => items(spec, list).map((row) => row['name']);
  const own = names('containers');
  const all = [...own, ...names('initContainers'), ...names('ephemeralContainers')];
  if (container === '' && own.length > 1 && subresource !== 'portforward') {
    throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${own.join(' ')}]`);
  }
  if (container !== '' && !all.includes(container)) {
    throw badRequest(`container ${container} is not valid for pod ${name}`);
  }
  const running = streams();
  if (running === undefined) throw new StatusError('ServiceUnavailable', 'no kubelet runs in this sandbox');
  return {
    key: { namespace, pod: name, ...(container === '' ? {} : { container }) },
    streams: running,
  };
}

/** How much of a log is wanted. @throws StatusError Invalid for a negative number, BadRequest for what is none. */
function amountOf({ query, name = '' }: ApiRequest, option: string, least: 0 | 1 = 0): number | undefined {
  const value = integerOf(query, option);
  if (value === undefined || value >= least) return value;
  const message = least === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0';
  throw invalid({ group: '', resource: 'pods', kind: 'PodLogOptions' }, name, [
    invalidValue(option, value, message),
  ]);
}

/** GET of `pods/NAME/log`: the text as it is; with `follow` until the container ends or the client goes. */
export async function streamLog(request: ApiRequest): Promise<undefined> {
  const { response, query } = request;
  const { key, streams } = streamTarget(request, request, query);
  const ended = new AbortController();
  response.on('close', () => {
    ended.abort();
  });
  const log = await streams.logs({
    ...key,
    ...defined({
      sinceTime: query.get('sinceTime') || undefined,
      tailLines: amountOf(request, 'tailLines'),
      sinceSeconds: amountOf(request, 'sinceSeconds', 1),
      limitBytes: amountOf(request, 'limitBytes', 1),
    }),
    follow: booleanOf(query, 'follow'),
    previous: booleanOf(query, 'previous'),
    timestamps: booleanOf(query, 'timestamps'),
    signal: ended.signal,
  });
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  response.flushHeaders();
  try {
    await pipeline(log, response);
  } catch (error) {
    // The client went away, or the log cannot be read further: either way the answer ends short.
    if (!ended.signal.aborted) throw error;
  }
  return undefined;
}
