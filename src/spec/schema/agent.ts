import * as z from '../../base/zod.ts';
import { environment } from './environment.ts';
import { dnsLabel, duration, objectName, port } from './scalars.ts';

const quantities = z.record(z.string(), z.union([z.string(), z.pipe(z.number(), z.transform(String))]));

const container = {
  image: z.described('Image reference.', z.string().check(z.minLength(1))),
  env: z.optional(environment),
  resources: z.described(
    'As in Kubernetes: {requests: {cpu: 500m}, limits: {memory: 1Gi}}.',
    z.optional(z.strictObject({ requests: z.optional(quantities), limits: z.optional(quantities) })),
  ),
  imagePullPolicy: z.optional(z.enum(['Always', 'IfNotPresent', 'Never'])),
};

const ready = z.described(
  'When the service counts as ready; the first step waits for it.',
  z.union([
    z.strictObject({ tcp: port }),
    z.strictObject({
      http: z.strictObject({ port, path: z._default(z.string().check(z.startsWith('/')), '/') }),
    }),
    z.strictObject({ exec: z.array(z.string()).check(z.minLength(1)) }),
  ]),
);

const service = z.strictObject({
  ...container,
  command: z.optional(z.array(z.string())),
  args: z.optional(z.array(z.string())),
  ready: z.optional(ready),
  privileged: z.optional(z.boolean()),
});

/** `agent:`. */
export const agent = z.strictObject({
  namespace: z.described(
    'Where the agent pod runs. Default: that of the command line or the kubeconfig.',
    z.optional(dnsLabel),
  ),
  containers: z.described(
    'Containers that stages run in; the first one is the default.',
    z.optional(z.record(dnsLabel, z.strictObject(container))),
  ),
  services: z.described('Service containers, reached on localhost.', z.optional(z.record(dnsLabel, service))),
  podTemplate: z.described(
    'A PodTemplateSpec, merged over the agent pod by strategic merge.',
    z.optional(z.record(z.string(), z.unknown())),
  ),
  imagePullSecrets: z.optional(z.array(objectName)),
  cache: z.described(
    'A PersistentVolumeClaim that keeps caches between runs.',
    z.optional(z.strictObject({ claim: objectName })),
  ),
  startTimeout: z.described(
    'Time limit for all containers to become ready. Default: 5m.',
    z.optional(duration),
  ),
});
