/** A configuration key of Git by which a program can be run, or more configuration be read. */
export interface ProgramKey {
  key: string;
  /** Its value, for the path of a program. Default: the path itself. */
  value?: (program: string) => string;
  /** Other settings that the key needs, as `key=value`. */
  with?: readonly string[];
  /**
   * What makes plain Git run it in the hostile repository, to show that the trap is one. Missing where that takes a
   * program that is packaged apart (send-email, svn, gui, lfs) or a terminal.
   */
  provoke?: readonly string[];
}

const shell = (program: string): string => `!${program}`;

/** Every key of git-config(1), and of the programs that come with Git, that can run a program. */
export const programKeys: readonly ProgramKey[] = [
  { key: 'core.fsmonitor', provoke: ['status'] },
  { key: 'core.hooksPath', value: (program) => `${program}.hooks`, provoke: ['checkout', '--force', 'main'] },
  { key: 'core.sshCommand', provoke: ['ls-remote', 'ssh://example.invalid/x'] },
  { key: 'core.askPass', provoke: ['-c', 'credential.helper=', 'credential', 'fill'] },
  { key: 'core.editor', provoke: ['commit', '--allow-empty'] },
  { key: 'core.pager' },
  { key: 'core.gitProxy', provoke: ['ls-remote', 'git://example.invalid/x'] },
  { key: 'core.alternateRefsCommand', provoke: ['fetch', '../lender', 'other'] },
  { key: 'alias.trap', value: shell, provoke: ['trap'] },
  { key: 'pager.log' },
  { key: 'sequence.editor', provoke: ['rebase', '--autostash', '--force-rebase', '--interactive', 'HEAD~1'] },
  { key: 'credential.helper', value: shell, provoke: ['credential', 'fill'] },
  { key: 'credential.https://example.invalid.helper', value: shell, provoke: ['credential', 'fill'] },
  { key: 'diff.external', provoke: ['diff', 'HEAD~1', 'HEAD'] },
  { key: 'diff.trap.command', provoke: ['diff', 'HEAD~1', 'HEAD'] },
  { key: 'diff.trap.textconv', provoke: ['diff', 'HEAD~1', 'HEAD'] },
  { key: 'difftool.trap.cmd', provoke: ['difftool', '--no-prompt', '--tool=trap', 'HEAD~1', 'HEAD'] },
  { key: 'mergetool.trap.cmd' },
  { key: 'merge.trap.driver', provoke: ['merge', 'other'] },
  { key: 'filter.trap.clean', provoke: ['status'] },
  { key: 'filter.trap.smudge', provoke: ['checkout', '--force', 'main', '--', 'changed.txt'] },
  { key: 'filter.trap.process', provoke: ['status'] },
  { key: 'gpg.program', provoke: ['log', '--show-signature', 'signed'] },
  { key: 'gpg.openpgp.program', provoke: ['log', '--show-signature', 'signed'] },
  {
    key: 'gpg.x509.program',
    with: ['gpg.format=x509'],
    provoke: ['commit', '-S', '--allow-empty', '-m', 'x'],
  },
  {
    key: 'gpg.ssh.program',
    with: ['gpg.format=ssh', 'user.signingKey=x'],
    provoke: ['commit', '-S', '--allow-empty', '-m', 'x'],
  },
  {
    key: 'gpg.ssh.defaultKeyCommand',
    with: ['gpg.format=ssh'],
    provoke: ['commit', '-S', '--allow-empty', '-m', 'x'],
  },
  { key: 'log.showSignature', value: () => 'true' },
  { key: 'hook.trap.command', with: ['hook.trap.event=post-checkout'] },
  {
    key: 'init.templateDir',
    value: (program) => `${program}.template`,
    provoke: ['clone', '--quiet', '.', '../cloned'],
  },
  { key: 'interactive.diffFilter' },
  { key: 'remote.origin.uploadpack', provoke: ['fetch', 'origin'] },
  { key: 'remote.origin.receivepack', provoke: ['push', 'origin', 'main'] },
  { key: 'remote.origin.vcs', value: () => 'ext', with: ['protocol.ext.allow=always'] },
  {
    key: 'remote.trap.url',
    value: (program) => `ext::${program}`,
    with: ['protocol.ext.allow=always'],
    provoke: ['ls-remote', 'trap'],
  },
  { key: 'url.trap.insteadOf', value: () => 'file://' },
  { key: 'protocol.ext.allow', value: () => 'always' },
  {
    key: 'submodule.sub.update',
    value: shell,
    with: ['protocol.file.allow=always', 'submodule.sub.active=true'],
    provoke: ['submodule', 'update'],
  },
  { key: 'tar.trap.command', provoke: ['archive', '--format=trap', 'HEAD'] },
  { key: 'trailer.trap.command', provoke: ['interpret-trailers', '--trailer', 'trap=x'] },
  { key: 'trailer.trap.cmd', provoke: ['interpret-trailers', '--trailer', 'trap=x'] },
  { key: 'uploadpack.packObjectsHook' },
  { key: 'gc.recentObjectsHook' },
  { key: 'web.browser', with: ['browser.trap.cmd=true'] },
  { key: 'browser.trap.cmd', with: ['web.browser=trap'], provoke: ['web--browse', 'file:///x'] },
  { key: 'man.trap.cmd', with: ['man.viewer=trap'], provoke: ['help', '--man', 'log'] },
  { key: 'instaweb.httpd' },
  { key: 'imap.tunnel' },
  { key: 'sendemail.smtpServer' },
  { key: 'sendemail.sendmailCmd' },
  { key: 'sendemail.toCmd' },
  { key: 'sendemail.ccCmd' },
  { key: 'sendemail.headerCmd' },
  { key: 'guitool.trap.cmd' },
  { key: 'lfs.customtransfer.trap.path' },
  { key: 'lfs.extension.trap.clean' },
];
