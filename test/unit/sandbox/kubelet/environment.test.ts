import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  expand,
  fieldOf,
  limitsAsEnvironment,
  resolveEnvironment,
  resourceOf,
} from '../../../../src/sandbox/kubelet/environment.ts';
import type { ConfigurationSource } from '../../../../src/sandbox/kubelet/environment.ts';
import { container, pod } from './pods.ts';

const facts = { podIP: '10.0.0.7', hostIP: '127.0.0.1', nodeName: 'sandbox' };
const source: ConfigurationSource = {
  configMap: (name) => (name === 'settings' ? { COLOR: 'blue', SIZE: '3' } : undefined),
  secret: (name) => (name === 'login' ? { password: 'p' } : undefined),
};
const resolve = (more: Parameters<typeof container>[0], inherited: Record<string, string> = {}) =>
  resolveEnvironment(pod(), container(more), { source, facts, inherited });

describe('the environment of a container', () => {
  it('lets env win over envFrom, and the later envFrom over the earlier', () => {
    const environment = resolve({
      envFrom: [{ configMapRef: { name: 'settings' } }, { prefix: 'S_', secretRef: { name: 'login' } }],
      env: [{ name: 'COLOR', value: 'red' }],
    });

    expect(environment).toEqual({ COLOR: 'red', SIZE: '3', S_password: 'p' });
  });

  it('expands what came before, inherited variables too, and leaves the unknown as it is', () => {
    const environment = resolve(
      {
        env: [
          { name: 'A', value: '$(HOST)-$(B)' },
          { name: 'B', value: '$(A)/$$(A)' },
        ],
      },
      { HOST: 'h' },
    );

    expect(environment).toEqual({ HOST: 'h', A: 'h-$(B)', B: 'h-$(B)/$(A)' });
  });

  it('takes values from fields, resources, ConfigMaps and Secrets', () => {
    const environment = resolve({
      resources: { limits: { memory: '64Mi', cpu: '1500m' } },
      env: [
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'MEM', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'COLOR' } } },
        { name: 'PASS', valueFrom: { secretKeyRef: { name: 'login', key: 'password' } } },
        { name: 'NONE', valueFrom: { secretKeyRef: { name: 'login', key: 'none', optional: true } } },
      ],
    });

    expect(environment).toEqual({ IP: '10.0.0.7', MEM: '64', CPU: '2', COLOR: 'blue', PASS: 'p' });
  });

  it('tells a Java machine its memory limit, which it cannot read from a cgroup here', () => {
    const limited = container({ resources: { limits: { memory: '256Mi' } } });

    expect(limitsAsEnvironment(limited)).toEqual({ JAVA_TOOL_OPTIONS: '-XX:MaxRAM=268435456' });
    expect(limitsAsEnvironment(container({}))).toEqual({});
  });

  it.each([
    [{ configMapKeyRef: { name: 'none', key: 'a' } }, 'configmap "none" not found'],
    [{ configMapKeyRef: { name: 'settings', key: 'a' } }, "couldn't find key a in ConfigMap shop/settings"],
    [{ secretKeyRef: { name: 'none', key: 'a' } }, 'secret "none" not found'],
    [{ secretKeyRef: { name: 'login', key: 'a' } }, "couldn't find key a in Secret shop/login"],
  ])('refuses what is missing in the words of the kubelet: %j', (valueFrom, message) => {
    expect(() => resolve({ env: [{ name: 'A', valueFrom }] })).toThrow(message);
  });

  it('gives maps of the metadata as sorted, quoted lines, and single entries as they are', () => {
    const labelled = pod({}, { labels: { b: '2', a: 'x"y' } });

    expect(fieldOf(labelled, { fieldPath: 'metadata.labels' }, facts)).toBe('a="x\\"y"\nb="2"');
    expect(fieldOf(labelled, { fieldPath: "metadata.labels['b']" }, facts)).toBe('2');
  });

  it('rounds resources up to whole divisors', () => {
    const limited = pod({ containers: [container({ resources: { requests: { cpu: '250m' } } })] });

    expect(resourceOf(limited, { containerName: 'main', resource: 'requests.cpu', divisor: '1m' })).toBe(
      '250',
    );
    expect(resourceOf(limited, { containerName: 'main', resource: 'requests.cpu' })).toBe('1');
  });

  it('never changes a text without a dollar sign', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes('$'));
        expect(expand(text, { A: 'x' })).toBe(text);
      }),
    );
  });
});
