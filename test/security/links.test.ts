import { readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { makeHostileCheckout, privateText, type HostileCheckout } from '../support/hostile-links.ts';
import { useOwnSandbox } from '../support/own-sandbox.ts';
import { expectExit, runPipeline, type PipelineResult } from '../support/pipeline-command.ts';
import { treeSnapshot } from '../support/tree-snapshot.ts';

/** A command that reads without end, or waits for a pipe's writer, is killed after this. */
const timeoutMs = 30_000;

const environment = useOwnSandbox('links');
let checkout: HostileCheckout;
let before: string[];

beforeEach(() => {
  checkout = makeHostileCheckout();
  before = outsideNow();
});
afterEach(() => {
  const after = outsideNow();
  checkout.remove();
  // Whatever a test was about: nothing of the machine was changed.
  expect(after).toEqual(before);
});

const outsideNow = () => treeSnapshot(checkout.outside);

function command(...args: string[]): Promise<PipelineResult> {
  return runPipeline(args, { cwd: checkout.tree, env: environment, timeoutMs });
}

const onSandbox = ['--cluster', 'sandbox'];

/** A refusal of the command as a whole: exit code 2, and a message without what the link leads to. */
function expectRefusal(result: PipelineResult, words: string | RegExp): void {
  expectExit(result, 2);
  expect(result.stderr).toMatch(words);
  expect(result.stdout + result.stderr).not.toContain(privateText);
  expect(result.durationMs).toBeLessThan(timeoutMs);
}

function pipeline(stages: object[], more: object = {}): void {
  const agent = { containers: { main: { image: 'example.test/any:1' } } };
  const head = { apiVersion: 'slipway.dev/v1', kind: 'Pipeline', name: 'hostile' };
  checkout.file('app.yaml', stringify({ ...head, agent, stages, ...more }));
}

/** A stage with an artifact, a report and output. */
const build = {
  name: 'build',
  run: [
    'mkdir -p out reports; echo made > out/a; ln out/a out/b; echo output',
    `echo '<testsuite><testcase name="t"/></testsuite>' > reports/junit.xml`,
  ].join('\n'),
  artifacts: 'out',
  reports: { junit: 'reports/*.xml' },
};

describe('a pipeline file', () => {
  const commands: [name: string, args: string[]][] = [
    ['validate', ['validate']],
    ['plan', ['plan', ...onSandbox]],
    ['run', ['run', ...onSandbox]],
    ['doctor', ['doctor', ...onSandbox]],
  ];

  describe.each(commands)('given to %s', (_name, args) => {
    it('that is a link out of the checkout is not read', async () => {
      checkout.link('app.yaml', '../outside/key');

      const result = await command(...args, 'app.yaml');

      expectRefusal(result, /app\.yaml is a symbolic link to "\.\.\/outside\/key", outside of /);
    });

    it('that is a link to a device without an end is not read', async () => {
      checkout.link('app.yaml', '/dev/zero');

      expectRefusal(await command(...args, 'app.yaml'), 'app.yaml');
    });

    it('that is a pipe is not waited for', async () => {
      checkout.pipe('app.yaml');

      expectRefusal(await command(...args, 'app.yaml'), /app\.yaml is a named pipe: only regular files/);
    });
  });

  it.each([
    ['a folder that is a link', 'ci', '../outside/folder', 'ci/app.yaml'],
    ['another tool’s settings', 'app.yaml', '../outside/settings.yaml', 'app.yaml'],
    ['the settings of the repository itself', 'app.yaml', '.git/config', 'app.yaml'],
    ['a link to a link', 'app.yaml', 'settings', 'app.yaml'],
  ])('is not read over a link: %s', async (_what, name, target, file) => {
    checkout.link('settings', '../outside/settings.yaml');
    checkout.link(name, target);

    expectRefusal(await command('validate', file), 'symbolic link');
    expectRefusal(await command('validate', join(checkout.tree, file)), 'symbolic link');
  });

  it('is read over a link that stays in the checkout', async () => {
    pipeline([build]);
    checkout.link('ci/app.yaml', '../app.yaml');

    expectExit(await command('validate', 'ci/app.yaml'), 0);
  });

  it.each(['key', 'broken', 'alias'])('that is no object is not quoted: %s', async (name) => {
    // Named by the user, so it is read; its text is nobody’s business all the same.
    expectRefusal(await command('validate', join(checkout.outside, name)), 'must be an object');
  });

  it('that is too large is refused with the limit', async () => {
    checkout.file('app.yaml', '');
    truncateSync(join(checkout.tree, 'app.yaml'), 4 * 1024 ** 3);

    expectRefusal(await command('validate', 'app.yaml'), 'larger than 1 MiB');
  });

  it('that is a folder is refused', async () => {
    expectRefusal(await command('validate', '.'), 'is a folder: only regular files are read');
  });
});

describe('what a plan reads', () => {
  const deploy = (manifests: string) => [{ name: 'deploy', deploy: { manifests } }];

  it.each([
    { link: 'k8s/web.yaml', to: '../../outside/settings.yaml', manifests: 'k8s/web.yaml' },
    { link: 'k8s/web.yaml', to: '../../outside/settings.yaml', manifests: 'k8s/*.yaml' },
    { link: 'k8s/web.yaml', to: '/dev/zero', manifests: 'k8s/*.yaml' },
    { link: 'k8s', to: '../outside', manifests: 'k8s/settings.yaml' },
    { link: 'k8s', to: '../outside', manifests: 'k8s/*.yaml' },
    { link: 'k8s/loop', to: '.', manifests: 'k8s/**/*.yaml', words: 'no file matches' },
  ])('does not leave the checkout over the link $link -> $to, named $manifests', async (given) => {
    pipeline(deploy(given.manifests));
    checkout.link(given.link, given.to);

    expectRefusal(await command('plan', ...onSandbox, 'app.yaml'), given.words ?? 'symbolic link');
  });

  it.each(['../outside/*.yaml', 'k8s/../../outside/settings.yaml', '/etc/*'])(
    'does not leave the checkout by the pattern %s',
    async (manifests) => {
      pipeline(deploy(manifests));

      expectRefusal(await command('plan', ...onSandbox, 'app.yaml'), 'leaves the checkout');
    },
  );

  it('is no pipe', async () => {
    pipeline(deploy('k8s/*.yaml'));
    checkout.pipe('k8s/web.yaml');

    expectRefusal(await command('plan', ...onSandbox, 'app.yaml'), 'named pipe');
  });
});

describe('what a run writes', () => {
  it.each([
    ['slipway-results', '../outside'],
    ['slipway-results', '../outside/new'],
    ['slipway-results/artifacts', '../../outside'],
    ['slipway-results/artifacts/build', '../../../outside/folder'],
    ['slipway-results/logs', '../../outside'],
    ['slipway-results/reports', '../../outside'],
    ['slipway-results/reports/build', '/nowhere'],
  ])('goes through no link: %s -> %s', async (name, target) => {
    pipeline([build]);
    checkout.link(name, target);

    const result = await command('run', ...onSandbox, 'app.yaml');

    expectRefusal(result, `${join(checkout.tree, name)} is a symbolic link to "${target}"`);
    expect(result.stdout).not.toContain('started');
  });

  it('goes through no link deeper down, where the stage fails', async () => {
    pipeline([build]);
    checkout.link('slipway-results/artifacts/build/out', '../../../../outside/folder');

    const result = await command('run', ...onSandbox, 'app.yaml');

    expectExit(result, 1);
    expect(result.stdout).toContain('artifacts/build/out is a symbolic link');
  });

  it.each([
    ['logs', '../outside/folder'],
    ['logs', '../outside/new'],
    ['logs/build.log', '../../outside/key'],
  ])('goes through no link among logs: %s -> %s', async (name, target) => {
    pipeline([build]);
    checkout.link(name, target);
    const args = ['run', ...onSandbox, '--log-dir', 'logs', 'app.yaml'];

    expectRefusal(await command(...args), `${join(checkout.tree, name)} is a symbolic link`);
  });

  it('is not written into a pipe', async () => {
    pipeline([build]);
    checkout.pipe('logs/build.log');

    expectRefusal(
      await command('run', ...onSandbox, '--log-dir', 'logs', 'app.yaml'),
      'build.log: it is a named pipe',
    );
  });

  it('lies where it was wanted when nothing stands in the way, hard links as files', async () => {
    pipeline([build]);

    const args = ['run', ...onSandbox, '--log-dir', 'logs', '--results', 'deep/results', 'app.yaml'];
    expectExit(await command(...args), 0);

    const read = (name: string) => readFileSync(join(checkout.tree, name), 'utf8');
    expect(read('deep/results/artifacts/build/out/a')).toBe('made\n');
    expect(read('deep/results/artifacts/build/out/b')).toBe('made\n');
    expect(read('deep/results/reports/build/reports/junit.xml')).toContain('testcase');
    expect(read('logs/build.log')).toBe('output\n');
  });
});

describe('the file of a secret', () => {
  const use = { name: 'use', run: 'echo used', env: { KEY: { secret: 'key' } } };

  it.each([
    ['link', '../outside/key', 'symbolic link'],
    ['link', '/dev/zero', 'symbolic link'],
    ['pipe', '', 'named pipe'],
  ])('is no %s %s', async (kind, target, words) => {
    pipeline([use], { secrets: { key: { file: 'key' } } });
    if (kind === 'link') checkout.link('key', target);
    else checkout.pipe('key');

    const result = await command('run', ...onSandbox, 'app.yaml');

    expectExit(result, 2);
    expect(result.stderr).toContain(words);
    expect(result.stdout).not.toContain('used');
  });
});
