import type { Fields } from '../../base/fields.ts';
import type { Inventory } from '../controllers/inventory.ts';
import type { StoredObject } from '../store/objects.ts';
import { planHttpRoute } from './http-routes.ts';
import { planIngresses } from './ingresses.ts';
import { classStatus, gatewayStatus, ownClasses, ownGateways } from './listeners.ts';
import type { StatusInputs } from './listeners.ts';
import { tableOf } from './placed-row.ts';
import type { RouteTable } from './table.ts';

/** What the gateway makes of the objects: how requests are routed, and what is then written to the objects. */
export interface GatewayPlan {
  table: RouteTable;
  statuses: { object: StoredObject; status: Fields }[];
}

/** The kinds that the plan is made from. */
export const plannedKinds: ReadonlySet<string> = new Set(
  'GatewayClass Gateway HTTPRoute ReferenceGrant Ingress IngressClass Service EndpointSlice Namespace'.split(
    ' ',
  ),
);

/** Plans everything anew; `port` is the proxy's. */
export function planGateway(cluster: Inventory, inputs: StatusInputs & { port: number }): GatewayPlan {
  const gateways = ownGateways(cluster, inputs.port);
  const routes = cluster
    .list('HTTPRoute')
    .map((object) => ({ object, ...planHttpRoute(object, gateways, cluster, inputs) }));
  const ingresses = planIngresses(cluster, inputs);
  return {
    table: tableOf([...routes.flatMap(({ rows }) => rows), ...ingresses.rows]),
    statuses: [
      ...ownClasses(cluster).map((object) => ({ object, status: classStatus(object, inputs) })),
      // After the routes, which are counted by the listeners.
      ...gateways.map((own) => ({ object: own.gateway, status: gatewayStatus(own, inputs) })),
      ...routes.flatMap(({ object, status }) => (status === undefined ? [] : [{ object, status }])),
      ...ingresses.statuses,
    ],
  };
}
