import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { askpassScript } from '../../../../src/stages/checkout/askpass-script.ts';

/** What the script gives for a prompt, as git calls it. */
function ask(prompt: string, { username = 'me', server = 'https://git.example.com:8443' } = {}): string {
  const { stdout, stderr, status } = spawnSync('sh', ['-c', askpassScript, 'askpass', prompt], {
    encoding: 'utf8',
    env: {
      ...{ PATH: process.env['PATH'], CHECKOUT_SERVER: server },
      ...{ CHECKOUT_USERNAME: username, CHECKOUT_PASSWORD: 'hunter22' },
    },
  });
  if (status === 0) return stdout.trimEnd();
  expect(stdout).toBe('');
  expect(stderr).toContain(`credentials are sent to no other server than ${server}`);
  return 'refused';
}

describe('the login of a checkout', () => {
  it.each([
    ["Username for 'https://git.example.com:8443': ", 'me'],
    ["Password for 'https://me@git.example.com:8443': ", 'hunter22'],
    ["Password for 'https://other%40corp@git.example.com:8443': ", 'hunter22'],
    ["Password for 'https://git.example.com:8443': ", 'hunter22'],
    ['Username for "https://git.example.com:8443"', 'me'],
    ['Password for "https://me@git.example.com:8443"', 'hunter22'],
  ])('is given to its own server: %s', (prompt, answer) => {
    expect(ask(prompt)).toBe(answer);
  });

  it.each([
    ['an e-mail address', 'me@corp.example'],
    ['a dollar sign', 'robot$ci'],
    ['blanks', 'my name'],
    ['a slash', 'corp/me'],
  ])('is given where the user’s name, which an older Git shows as it is, has %s', (_what, username) => {
    expect(ask(`Password for 'https://${username}@git.example.com:8443': `, { username })).toBe('hunter22');
  });

  it.each([
    ['another host', "Password for 'https://me@evil.example': "],
    ['http of the same host', "Password for 'http://me@git.example.com:8443': "],
    ['http of the same host, asked for a name', "Username for 'http://git.example.com:8443': "],
    ['http of the same host, asked without a name', "Password for 'http://git.example.com:8443': "],
    ['http of the same host, by Git LFS', 'Password for "http://me@git.example.com:8443"'],
    ['http of the same host, by Git LFS without a name', 'Password for "http://git.example.com:8443"'],
    ['another host, by Git LFS', 'Password for "https://me@evil.example"'],
    ['another host, asked without a name', "Password for 'https://evil.example': "],
    ['another port', "Password for 'https://me@git.example.com': "],
    ['a host that ends alike', "Password for 'https://me@evil-git.example.com:8443': "],
    ['a host that begins alike', "Username for 'https://git.example.com:8443.evil.example': "],
    ['a name that holds a host', "Password for 'https://x@git.example.com:8443': @evil.example': "],
    ['a name that holds a host and a path', "Password for 'https://x@git.example.com:8443/@evil.example': "],
    ['a path that ends as the host', "Password for 'https://me@evil.example/@git.example.com:8443': "],
    ['two hosts', "Password for 'https://me@evil.example@git.example.com:8443': "],
    ['lines in the name', "Password for 'https://a\nb@git.example.com:8443': "],
    ['something else', 'Are you sure you want to continue connecting (yes/no)? '],
    ['more behind it', "Username for 'https://git.example.com:8443': '"],
    ['nothing', ''],
  ])('is not given to %s', (_what, prompt) => {
    expect(ask(prompt)).toBe('refused');
  });

  it('reads no pattern in the name of the server', () => {
    expect(ask("Username for 'https://git.example.com': ", { server: 'https://*' })).toBe('refused');
  });
});
