/** Objects that the cases start from: as small as they can be. */
import type { Json } from './wire.ts';

/** On a real cluster an image with a shell, on the sandbox this machine's tools. */
export const imageValue = 'busybox:local';

/** A container that runs a shell script. */
export function container(script: string, more: Json = {}): Json {
  return {
    name: 'main',
    image: imageValue,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', script],
    ...more,
  };
}

/** A script that waits until it is told to end. */
export const idle = 'trap "exit 0" TERM; while true; do sleep 0.2; done';

/** An HTTP server on a port, from busybox or, on a machine without it, from Node. */
export function httpServer(port: number, text = 'hello'): string {
  return [
    `mkdir -p /tmp/www-$HOSTNAME-${port} && cd /tmp/www-$HOSTNAME-${port} && echo ${text} > index.html`,
    `if command -v busybox >/dev/null; then exec busybox httpd -f -p \${PORT:-${port}} -h .; fi`,
    `exec node -e 'require("http").createServer((q,s)=>s.end("${text}\\n")).listen(process.env.PORT||${port})'`,
  ].join('\n');
}

export function pod(name: string, script: string, spec: Json = {}, metadata: Json = {}): Json {
  const { containers = [container(script)], ...rest } = spec;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { terminationGracePeriodSeconds: 1, restartPolicy: 'Never', containers, ...rest },
  };
}

export function configMap(name: string, data: Json = { key: 'value' }, metadata: Json = {}): Json {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

/** A pod template with the label app. */
export function template(app: string, script = idle, more: Json = {}): Json {
  return {
    metadata: { labels: { app } },
    spec: { terminationGracePeriodSeconds: 1, containers: [container(script, more)] },
  };
}

export function deployment(name: string, spec: Json = {}): Json {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: { app: name } },
    spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: template(name), ...spec },
  };
}

export function service(name: string, spec: Json = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
  };
}

export function job(name: string, script: string, spec: Json = {}): Json {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: {
      template: {
        spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers: [container(script)] },
      },
      ...spec,
    },
  };
}

/** Whether every replica of a Deployment is the newest and available. */
export function isRolledOut(deployment: Json): boolean {
  const { spec, status, metadata } = deployment;
  return (
    status?.observedGeneration >= metadata.generation &&
    (status.updatedReplicas ?? 0) === spec.replicas &&
    (status.replicas ?? 0) === spec.replicas &&
    (status.availableReplicas ?? 0) === spec.replicas
  );
}

/** The condition of a type. */
export function condition(object: Json, type: string): Json {
  return object.status?.conditions?.find((entry: Json) => entry.type === type);
}
