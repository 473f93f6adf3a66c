import { describe, expect, it } from '@jest/globals';
import { eventLagMs, patience, useLab } from './lab.ts';
import { condition, container, httpServer, idle, pod } from './objects.ts';
import type { Json } from './wire.ts';

const lab = useLab('probes');
const quick = { periodSeconds: 1, timeoutSeconds: 2 };
const isReady = (object: Json): boolean => condition(object, 'Ready')?.status === 'True';
const restarts = (object: Json): number => object?.status?.containerStatuses?.[0]?.restartCount ?? 0;
const exec = (...command: string[]): Json => ({ exec: { command } });
const probed = (name: string, script: string, probes: Json, spec: Json = {}): Promise<Json> =>
  lab.create(
    'pods',
    pod(name, '', { restartPolicy: 'Always', containers: [container(script, probes)], ...spec }),
  );

describe('readiness', () => {
  it(
    'follows its command, both ways',
    async () => {
      await probed('ready', `rm -f /tmp/ok-$HOSTNAME; ${idle}`, {
        readinessProbe: { ...exec('sh', '-c', 'test -e /tmp/ok-$HOSTNAME'), ...quick, failureThreshold: 1 },
      });
      const before = await lab.until(
        'pods',
        'ready',
        (object) => object.status?.containerStatuses?.[0]?.started === true,
        20,
      );

      await lab.wire.exec(lab.namespace, 'ready', { command: ['sh', '-c', 'touch /tmp/ok-$HOSTNAME'] });
      await lab.until('pods', 'ready', isReady);
      await lab.wire.exec(lab.namespace, 'ready', { command: ['sh', '-c', 'rm /tmp/ok-$HOSTNAME'] });
      const after = await lab.until('pods', 'ready', (object) => !isReady(object));

      expect(isReady(before)).toBe(false);
      expect(condition(before, 'Ready')).toMatchObject({
        status: 'False',
        reason: 'ContainersNotReady',
        message: 'containers with unready status: [main]',
      });
      expect(restarts(after)).toBe(0);
    },
    60_000 * patience,
  );

  it(
    'by HTTP accepts 200 and not 404',
    async () => {
      const ports = [{ containerPort: 8081, name: 'web' }];
      const probe = (path: string): Json => ({
        readinessProbe: { httpGet: { path, port: 'web' }, ...quick },
      });
      await probed('http-good', httpServer(8081), { ports, ...probe('/') });
      await probed('http-bad', httpServer(8081), { ports, ...probe('/missing.html') });

      await lab.until('pods', 'http-good', isReady, 20);
      const events = await lab.untilList(
        'events',
        { fieldSelector: 'involvedObject.name=http-bad' },
        (items) => items.some(({ reason }) => reason === 'Unhealthy'),
        15,
      );

      expect(events.find(({ reason }) => reason === 'Unhealthy')).toMatchObject({
        type: 'Warning',
        message: expect.stringMatching(/^Readiness probe failed: /),
      });
      expect(isReady(await lab.get('pods', 'http-bad'))).toBe(false);
    },
    60_000 * patience + eventLagMs,
  );

  it(
    'by TCP accepts an open port',
    async () => {
      await probed('tcp', httpServer(8082), {
        ports: [{ containerPort: 8082 }],
        readinessProbe: { tcpSocket: { port: 8082 }, ...quick },
      });

      await lab.until('pods', 'tcp', isReady, 20);
    },
    30_000 * patience,
  );

  it(
    'waits for its initial delay',
    async () => {
      await probed('delayed', idle, {
        readinessProbe: { ...exec('true'), ...quick, initialDelaySeconds: 3 },
      });

      const object = await lab.until('pods', 'delayed', isReady, 20);

      const started = Date.parse(object.status.containerStatuses[0].state.running.startedAt);
      expect(Date.parse(condition(object, 'Ready').lastTransitionTime) - started).toBeGreaterThanOrEqual(
        2000,
      );
    },
    30_000 * patience,
  );

  it(
    'counts successes up to its threshold',
    async () => {
      await probed('counted', idle, { readinessProbe: { ...exec('true'), ...quick, successThreshold: 3 } });

      const object = await lab.until('pods', 'counted', isReady, 20);

      const started = Date.parse(object.status.containerStatuses[0].state.running.startedAt);
      expect(Date.parse(condition(object, 'Ready').lastTransitionTime) - started).toBeGreaterThanOrEqual(
        1000,
      );
    },
    30_000 * patience,
  );
});

describe('liveness', () => {
  it(
    'that fails restarts the container and says so',
    async () => {
      await probed('live', idle, {
        livenessProbe: { ...exec('sh', '-c', 'echo broken; exit 1'), ...quick, failureThreshold: 1 },
      });

      await lab.until('pods', 'live', (object) => restarts(object) >= 1, 30);

      const events = await lab.untilList('events', { fieldSelector: 'involvedObject.name=live' }, (items) =>
        items.some(({ reason }) => reason === 'Killing'),
      );
      expect(events.find(({ reason }) => reason === 'Unhealthy')?.message).toMatch(
        /^Liveness probe failed: broken/,
      );
      expect(events.find(({ reason }) => reason === 'Killing')?.message).toBe(
        'Container main failed liveness probe, will be restarted',
      );
    },
    60_000 * patience + eventLagMs,
  );

  it(
    'that succeeds leaves it alone',
    async () => {
      await probed('lively', idle, { livenessProbe: { ...exec('true'), ...quick, failureThreshold: 1 } });
      await lab.until('pods', 'lively', isReady, 20);

      await new Promise((resolve) => setTimeout(resolve, 2500));

      expect(restarts(await lab.get('pods', 'lively'))).toBe(0);
    },
    30_000 * patience,
  );

  it(
    'counts a command that takes too long as failed',
    async () => {
      await probed('slow', idle, {
        readinessProbe: { ...exec('sleep', '5'), periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 1 },
      });
      await lab.until(
        'pods',
        'slow',
        (object) => object.status?.containerStatuses?.[0]?.started === true,
        20,
      );

      await new Promise((resolve) => setTimeout(resolve, 3000));

      expect(isReady(await lab.get('pods', 'slow'))).toBe(false);
    },
    30_000 * patience,
  );
});

describe('startup', () => {
  it(
    'holds the other probes back until it succeeded',
    async () => {
      await probed('start', `rm -f /tmp/up-$HOSTNAME; sleep 2; touch /tmp/up-$HOSTNAME; ${idle}`, {
        startupProbe: { ...exec('sh', '-c', 'test -e /tmp/up-$HOSTNAME'), ...quick, failureThreshold: 20 },
        livenessProbe: { ...exec('sh', '-c', 'test -e /tmp/up-$HOSTNAME'), ...quick, failureThreshold: 1 },
      });
      const before = await lab.until(
        'pods',
        'start',
        (object) => object.status?.containerStatuses?.[0]?.state?.running !== undefined,
        20,
      );

      const after = await lab.until(
        'pods',
        'start',
        (object) => object.status.containerStatuses[0].started === true,
        20,
      );

      expect(before.status.containerStatuses[0].started).toBe(false);
      expect(restarts(after)).toBe(0);
    },
    60_000 * patience,
  );

  it(
    'that never succeeds restarts the container',
    async () => {
      await probed('stuck', idle, { startupProbe: { ...exec('false'), ...quick, failureThreshold: 1 } });

      await lab.until('pods', 'stuck', (object) => restarts(object) >= 1, 30);

      const events = await lab.untilList('events', { fieldSelector: 'involvedObject.name=stuck' }, (items) =>
        items.some(({ reason }) => reason === 'Unhealthy'),
      );
      expect(events.find(({ reason }) => reason === 'Unhealthy')?.message).toMatch(/^Startup probe failed/);
    },
    60_000 * patience + eventLagMs,
  );
});
