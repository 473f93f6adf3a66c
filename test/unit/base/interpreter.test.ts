import { describe, expect, it } from '@jest/globals';
import { interpreterOf, overruledNotice } from '../../../src/base/interpreter.ts';

describe('what runs a script', () => {
  it.each([
    ['no first line', 'echo a', undefined, ['sh', '-e']],
    ['a program', '#!/bin/bash\necho a', undefined, ['/bin/bash']],
    ['a program by env', '#!/usr/bin/env python3\nprint(1)', undefined, ['/usr/bin/env', 'python3']],
    ['spaces, tabs, a return', '#! \t/bin/sh  -e \t\r\necho a', undefined, ['/bin/sh', '-e']],
    [
      'one argument, whatever is in it',
      '#!/usr/bin/env -S node --test',
      undefined,
      ['/usr/bin/env', '-S node --test'],
    ],
    ['#! with nothing behind it', '#!\necho a', undefined, ['sh', '-e']],
    ['#! that is not at the very beginning', '\n#!/bin/bash\necho a', undefined, ['sh', '-e']],
    ['a shell of the file', 'echo a', ' bash  -eo pipefail ', ['bash', '-eo', 'pipefail']],
    ['both: the file', '#!/bin/bash\necho a', 'sh -eu', ['sh', '-eu']],
  ])('%s', (_name, script, shell, words) => {
    expect(interpreterOf(script, shell).words).toEqual(words);
  });

  it('is said where the file overrules the script, and only there', () => {
    expect(overruledNotice(interpreterOf('#!/bin/bash\necho a', 'sh -eu'))).toBe(
      "the script's first line, #!/bin/bash, is not used: `shell` says that sh -eu runs it",
    );
    expect(overruledNotice(interpreterOf('#!/usr/bin/env python3', 'python3'))).toContain(
      '#!/usr/bin/env python3,',
    );
    expect(overruledNotice(interpreterOf('#!/bin/bash', '/bin/bash'))).toBeUndefined();
    expect(overruledNotice(interpreterOf('#!/bin/sh -e', '/bin/sh  -e'))).toBeUndefined();
    expect(overruledNotice(interpreterOf('echo', 'bash'))).toBeUndefined();
    expect(overruledNotice(interpreterOf('#!/bin/bash', undefined))).toBeUndefined();
  });

  it('is an error when the shell holds no word', () => {
    expect(() => interpreterOf('echo', ' ')).toThrow('shell is empty');
  });
});
