import { spawnSync } from 'node:child_process';

/** The Docker Engine, registry and base image that tests may use on this machine; undefined: why not. */
export interface RealDocker {
  /** A registry that the engine can push to, with its login. */
  registry: { host: string; username: string; password: string };
  /** A small image that the engine has, with a shell. */
  base: string;
}

/**
 * What the machine offers. The registry is that of SLIPWAY_TEST_REGISTRY, SLIPWAY_TEST_REGISTRY_USER and
 * SLIPWAY_TEST_REGISTRY_PASSWORD, the base image that of SLIPWAY_TEST_IMAGE; the defaults are those of the test cluster.
 */
export function findRealDocker(): RealDocker | { missing: string } {
  const host = process.env['SLIPWAY_TEST_REGISTRY'] ?? '127.0.0.1:5000';
  const username = process.env['SLIPWAY_TEST_REGISTRY_USER'] ?? 'ci';
  const password = process.env['SLIPWAY_TEST_REGISTRY_PASSWORD'] ?? 'ci-secret';
  const base = process.env['SLIPWAY_TEST_IMAGE'] ?? 'busybox:local';
  const found = docker('image', 'inspect', base);
  if (found.status !== 0) return { missing: `no Docker Engine answers, or it has no image ${base}` };
  const probe = spawnSync('curl', ['-sf', '-o', '/dev/null', '-K', '-'], {
    input: `url = "http://${host}/v2/"\nuser = "${username}:${password}"\n`,
    timeout: 5000,
  });
  if (probe.status !== 0) return { missing: `no registry answers at ${host}` };
  return { registry: { host, username, password }, base };
}

/** Runs the docker command, for preparing and looking; never what is being tested. */
export function docker(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync('docker', args, { encoding: 'utf8', timeout: 60_000 });
  return { status, stdout, stderr };
}
