import * as z from 'zod';
import { environment } from './environment.ts';
import { dnsLabel, duration, objectName, port } from './scalars.ts';

const quantities = z.record(z.string(), z.union([z.string(), z.number().transform(String)]));

const container = {
  image: z.string().min(1).describe('Image reference.'),
  env: environment.optional(),
  resources: z
    .strictObject({ requests: quantities.optional(), limits: quantities.optional() })
    .optional()
    .describe('As in Kubernetes: {requests: {cpu: 500m}, limits: {memory: 1Gi}}.'),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).optional(),
};

const ready = z
  .union([
    z.strictObject({ tcp: port }),
    z.strictObject({ http: z.strictObject({ port, path: z.string().startsWith('/').default('/') }) }),
    z.strictObject({ exec: z.array(z.string()).min(1) }),
  ])
  .describe('When the service counts as ready; the first step waits for it.');

const service = z.strictObject({
  ...container,
  command: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  ready: ready.optional(),
  privileged: z.boolean().optional(),
});

/** `agent:`. */
export const agent = z.strictObject({
  namespace: dnsLabel
    .optional()
    .describe('Where the agent pod runs. Default: that of the command line or the kubeconfig.'),
  containers: z
    .record(dnsLabel, z.strictObject(container))
    .optional()
    .describe('Containers that stages run in; the first one is the default.'),
  services: z.record(dnsLabel, service).optional().describe('Containers beside them, reached on localhost.'),
  podTemplate: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('A PodTemplateSpec, merged over the agent pod by strategic merge.'),
  imagePullSecrets: z.array(objectName).optional(),
  cache: z
    .strictObject({ claim: objectName })
    .optional()
    .describe('A PersistentVolumeClaim that keeps caches between runs.'),
  startTimeout: duration.optional().describe('Until every container must have answered. Default: 5m.'),
});
