import { pipeline } from 'node:stream/promises';
import { checkContainer } from './containers.ts';
import type { ResourceExchange } from './exchange.ts';
import type { LogRequest, PodStreams } from './pod-streams.ts';
import { badRequest, StatusError } from './status-error.ts';

/** The kubelet's part of the API. @throws StatusError ServiceUnavailable where no kubelet runs. */
export function requireStreams(streams: PodStreams | undefined): PodStreams {
  if (streams === undefined) throw new StatusError('ServiceUnavailable', 'no kubelet runs in this sandbox');
  return streams;
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const given = query.get(name);
  if (given === null || given === '') return undefined;
  const value = Number(given);
  if (!Number.isSafeInteger(value) || value < 0)
    throw badRequest(`Invalid value for ${name}: ${JSON.stringify(given)}`);
  return value;
}

/** The query of `pods/NAME/log`. @throws StatusError BadRequest. */
export function parseLogRequest(exchange: ResourceExchange, signal: AbortSignal): LogRequest {
  const { query, namespace = '', name = '' } = exchange;
  const flag = (option: string): boolean => query.get(option) === 'true';
  const numbers = (['tailLines', 'sinceSeconds', 'limitBytes'] as const).map((option) => [
    option,
    numberOf(query, option),
  ]);
  const container = query.get('container') ?? '';
  const sinceTime = query.get('sinceTime') ?? '';
  return {
    namespace,
    pod: name,
    ...(container === '' ? {} : { container }),
    ...(sinceTime === '' ? {} : { sinceTime }),
    ...(Object.fromEntries(numbers.filter(([, value]) => value !== undefined)) as Partial<LogRequest>),
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    signal,
  };
}

/** GET of `pods/NAME/log`: the text as it is; with `follow` until the container ends or the client goes. */
export async function handleLog(exchange: ResourceExchange, streams: PodStreams | undefined): Promise<void> {
  const { response } = exchange;
  const { objects, namespace = '', name = '', query } = exchange;
  checkContainer(objects, { namespace, pod: name }, query.get('container') ?? '', 'log');
  const ended = new AbortController();
  response.on('close', () => {
    ended.abort();
  });
  const log = await requireStreams(streams).logs(parseLogRequest(exchange, ended.signal));
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  response.flushHeaders();
  try {
    await pipeline(log, response);
  } catch (error) {
    // The client went away, or the log cannot be read further: either way the answer ends short.
    if (!ended.signal.aborted) throw error;
  }
}
