import { defined } from '../base/defined.ts';
import { messageOf } from '../base/errors.ts';
import type { CallOptions } from '../ports/cluster.ts';
import type { Measured, MeasurementRequest, Measurements } from '../ports/measurements.ts';
import type { OpenHttp } from './ask-http.ts';
import type { Reach } from './open-connection.ts';
import { serviceOf } from './service-endpoints.ts';

/** What measurements are taken through. */
type Reached = Omit<Reach, 'namespace' | 'turn' | 'hash'>;

/** Milliseconds that a measurement takes at most: a release looks at its pods and answers between two. */
const longestMs = 30_000;

/** Takes measurements through the API server, where a host is a Service of the cluster, or directly. */
export function createMeasurements(reach: Reached): Measurements {
  return {
    async measure(request, options) {
      const limit = AbortSignal.timeout(longestMs);
      const signal = AbortSignal.any([options.signal, limit]);
      try {
        return await take(request, reach, { signal });
      } catch (error) {
        options.signal.throwIfAborted();
        const late = `not done within ${String(longestMs / 1000)} s`;
        return { type: 'error', reason: limit.aborted ? late : messageOf(error) };
      }
    },
  };
}

/** What measures is loaded when it is needed: Node's HTTP costs more than all else that a command loads. */
async function take(request: MeasurementRequest, reach: Reached, options: CallOptions): Promise<Measured> {
  const { openConnection } = await import('./open-connection.ts');
  const { namespace } = request;
  let turn = 0;
  if (request.type === 'http') {
    const { measureHttp } = await import('./measure-http.ts');
    const isAsked = isOfService(new URL(request.url).hostname, namespace);
    const open: OpenHttp = (to, call) => {
      // A redirect to another Service leads to pods of none of the tracks.
      const hash = isAsked(to.host) ? request.hash : undefined;
      return openConnection(to, { ...reach, namespace, turn: turn++, ...defined({ hash }) }, call);
    };
    return measureHttp(request, open, options);
  }
  const { measurePrometheus } = await import('./measure-prometheus.ts');
  const any = { ...reach, namespace, turn };
  return measurePrometheus(request, (to, call) => openConnection(to, any, call), options);
}

/** Whether hosts are called by another name of the same Service. */
function isOfService(host: string, namespace: string): (other: string) => boolean {
  const idOf = (name: string) => {
    const { service } = serviceOf(name, namespace) ?? {};
    return service === undefined ? name : `${service.name}.${service.namespace}`;
  };
  return (other) => idOf(other) === idOf(host);
}
