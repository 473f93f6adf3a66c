import { describe, expect, it } from '@jest/globals';
import { runCommandLine } from '../../../src/cli/command-line.ts';

describe('a command line with a word that is not known', () => {
  it.each([
    ['rnu x.yaml', 'unknown command "pipeline rnu"', 'did you mean "run"? allowed: run, validate'],
    ['--debug rnu', 'unknown command "pipeline rnu"', 'did you mean "run"?'],
    ['nosuch --help', 'unknown command "pipeline nosuch"', 'allowed: run, validate'],
    ['release sattus web', 'unknown command "pipeline release sattus"', 'did you mean "status"?'],
    ['sandbox nosuch --help', 'unknown command "pipeline sandbox nosuch"', 'allowed: start, stop'],
    ['validate x.yaml --ouput json', 'unknown option --ouput', 'did you mean --output?'],
    ['run x.yaml --keep-agnt', 'unknown option --keep-agnt', 'did you mean --keep-agent?'],
    ['run x.yaml --kubeconfg=a', 'unknown option --kubeconfg', 'did you mean --kubeconfig?'],
    ['runs --zzzzzz', 'unknown option --zzzzzz', 'see `pipeline --help`'],
    ['validate x.yaml y.yaml', 'unexpected argument "y.yaml"', 'see `pipeline --help`'],
  ])('"%s" is named, with what was meant', async (words, message, hint) => {
    await expect(runCommandLine(words.split(' '))).rejects.toMatchObject({
      fault: 'input',
      message,
      hint: expect.stringContaining(hint),
    });
  });
});
