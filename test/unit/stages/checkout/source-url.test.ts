import { describe, expect, it } from '@jest/globals';
import { checkRef, parseSourceUrl } from '../../../../src/stages/checkout/source-url.ts';

describe('the source of a checkout', () => {
  it.each([
    [
      'https://git.example.com/shop/web.git',
      { type: 'remote', transport: 'http', url: 'https://git.example.com/shop/web.git' },
    ],
    [
      'ssh://git@git.example.com:2222/shop/web.git',
      { type: 'remote', transport: 'ssh', url: 'ssh://git@git.example.com:2222/shop/web.git' },
    ],
    [
      'git@git.example.com:shop/web.git',
      { type: 'remote', transport: 'ssh', url: 'git@git.example.com:shop/web.git' },
    ],
    ['file:///srv/git/web', { type: 'local', directory: '/srv/git/web' }],
    ['../web', { type: 'local', directory: '/home/me/web' }],
    [undefined, { type: 'local', directory: '/home/me/shop' }],
  ])('reads %s', (url, expected) => {
    expect(parseSourceUrl(url, '/home/me/shop')).toEqual(expected);
  });

  it.each([
    ['ext::sh -c whoami', 'allowed are https, http, ssh and file'],
    ['fd::17/foo', 'allowed are https, http, ssh and file'],
    ['git://example.com/x', 'allowed are https, http, ssh and file'],
    ['--upload-pack=touch /tmp/x', 'option'],
    ['ssh://-oProxyCommand=x/y', 'option'],
    ['https://me:hunter22@example.com/x', 'credentials'],
    ['shop/web', 'write https://'],
    ['https://example.com/\nx', 'option'],
  ])('refuses %s', (url, why) => {
    expect(() => parseSourceUrl(url, '/')).toThrow(why);
  });

  it('does not repeat a password that it refuses', () => {
    expect(() => parseSourceUrl('https://me:hunter22@example.com/x', '/')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter22') }),
    );
  });

  it.each(['main', 'v1.2.3', 'feature/x', 'refs/pull/17/head', '3f2a91c'])('takes the ref %s', (ref) => {
    expect(() => checkRef(ref)).not.toThrow();
  });

  it.each(['--upload-pack=x', 'a b', 'a..b', 'a:b', 'a~1', 'x.lock', 'a\nb'])('refuses the ref %j', (ref) => {
    expect(() => checkRef(ref)).toThrow('is not a Git ref');
  });
});
