import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { stringify } from 'yaml';

import { runCommand, type CommandResult } from '../../../scripts/run-command.ts';
import { e2eEnvironment } from '../../support/e2e-environment.ts';
import { kubectl } from '../../support/kubectl.ts';
import { testImage } from '../../support/scratch-namespace.ts';

jest.setTimeout(400_000);

/** Debian's own Python, whatever else is first in the path. */
const python = '/usr/bin/python3';
const hasClient = spawnSync(python, ['-c', 'import kubernetes, kubernetes.stream']).status === 0;
/** What needs Debian's package python3-kubernetes, and is skipped where that is missing. */
const withPython = hasClient ? it : it.skip;

/** The kubectl of Debian's package kubernetes-client (1.20 in Debian 12), which scripts/e2e.ts unpacks. */
const oldKubectl = process.env['SLIPWAY_TEST_OLD_KUBECTL'] ?? '';
const withOldKubectl = oldKubectl === '' ? it.skip : it;

const environment = e2eEnvironment();
const admin = kubectl(environment.kubeconfig);
const namespace = `test-foreign-${randomBytes(3).toString('hex')}`;

beforeAll(async () => {
  await admin.run(['create', 'namespace', namespace]);
});
afterAll(async () => {
  await admin.run(['delete', 'namespace', namespace, '--wait=false']);
});

describe("Python's client", () => {
  withPython('lists, watches, runs commands with their exit codes, and follows a log', async () => {
    const script = join(import.meta.dirname, 'client.py');

    const { stdout } = await runCommand([python, script, environment.kubeconfig, namespace, testImage]);

    expect(JSON.parse(stdout)).toEqual({
      first: 'ADDED',
      listed: ['python'],
      output: 'out\nerr\n',
      exitCode: 5,
      answer: 'you said hello',
      log: ['started'],
    });
  });
});

describe('the oldest kubectl', () => {
  const run = (args: readonly string[], input = ''): Promise<CommandResult> =>
    runCommand([oldKubectl, '--kubeconfig', environment.kubeconfig, '--namespace', namespace, ...args], {
      input,
      allowFailure: true,
    });

  const manifest = (replicas: number, volume: object, more: object = {}): string =>
    stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            containers: [{ name: 'main', image: testImage, command: ['sleep', '1000'] }],
            volumes: [{ name: 'files', ...volume }],
          },
        },
        ...more,
      },
    });

  withOldKubectl('explains a kind by its fields', async () => {
    const { stdout } = await run(['explain', 'deployment.spec.template.spec.containers.ports']);

    expect(stdout).toMatch(/KIND:\s+Deployment\nVERSION:\s+apps\/v1\n/);
    expect(stdout).toMatch(/containerPort\t<integer> -required-/);
  });

  withOldKubectl('shows what an apply would change, without changing it', async () => {
    await run(['apply', '--filename', '-'], manifest(0, { emptyDir: {} }));

    const same = await run(['diff', '--filename', '-'], manifest(0, { emptyDir: {} }));
    const other = await run(['diff', '--filename', '-'], manifest(0, { configMap: { name: 'c' } }));
    const dry = await run(
      ['apply', '--dry-run=server', '--filename', '-'],
      manifest(0, { configMap: { name: 'c' } }),
    );

    expect([same.exitCode, other.exitCode, dry.exitCode]).toEqual([0, 1, 0]);
    expect(other.stdout).toMatch(/^-\s+- emptyDir: \{\}$/m);
    expect(dry.stdout).toBe('deployment.apps/web configured (server dry run)\n');
    const { stdout } = await run([
      'get',
      'deployment',
      'web',
      '--output=jsonpath={.spec.template.spec.volumes}',
    ]);
    expect(JSON.parse(stdout)).toEqual([{ name: 'files', emptyDir: {} }]);
  });

  withOldKubectl('applies a change of a volume, and refuses a field that there is none of', async () => {
    await run(['apply', '--filename', '-'], manifest(0, { emptyDir: {} }));

    const applied = await run(['apply', '--filename', '-'], manifest(0, { secret: { secretName: 's' } }));
    const refused = await run(['apply', '--filename', '-'], manifest(0, { emptyDir: {} }, { replica: 1 }));

    expect(applied).toMatchObject({ exitCode: 0, stdout: 'deployment.apps/web configured\n' });
    expect(refused).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('unknown field "replica"'),
    });
    const { stdout } = await run([
      'get',
      'deployment',
      'web',
      '--output=jsonpath={.spec.template.spec.volumes}',
    ]);
    expect(JSON.parse(stdout)).toEqual([{ name: 'files', secret: { secretName: 's', defaultMode: 420 } }]);
  });

  withOldKubectl('waits for a rollout, reads its log and deletes it', async () => {
    await run(['apply', '--filename', '-'], manifest(1, { emptyDir: {} }));

    const rollout = await run(['rollout', 'status', 'deployment/web', '--timeout=60s']);
    const listed = await run(['get', 'pods', '--selector=app=web', '--output=name']);
    const log = await run(['logs', 'deployment/web']);
    const deleted = await run(['delete', 'deployment', 'web']);

    expect([rollout.exitCode, log.exitCode, deleted.exitCode]).toEqual([0, 0, 0]);
    expect(rollout.stdout).toContain('deployment "web" successfully rolled out');
    expect(listed.stdout).toMatch(/^pod\/web-\S+\n$/);
  });
});
