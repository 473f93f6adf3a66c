import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { exitCodeOf, exitCodes } from '../../../src/base/exit-code.ts';
import { failures } from '../../../src/base/failures.ts';
import { outcomeOfError } from '../../../src/engine/outcome.ts';
import { AgentError, type AgentProblem } from '../../../src/ports/agent.ts';
import {
  ConflictError,
  ForbiddenError,
  NotFoundError,
  QuotaError,
  RejectedError,
  TerminatingError,
  UnauthorizedError,
  UnreachableError,
} from '../../../src/ports/cluster-errors.ts';
import { HttpError } from '../../../src/ports/http.ts';
import { RegistryError, type RegistryProblem } from '../../../src/ports/registry.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const page = readFileSync(join(root, 'docs', 'exit-codes.md'), 'utf8');

describe('the table of failures', () => {
  it('is the one that docs/exit-codes.md shows', () => {
    const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, name, code]) => [
      name,
      Number(code),
    ]);

    expect(rows).toEqual(Object.entries(failures).map(([name, fault]) => [name, exitCodes[fault]]));
  });

  const registry = (problem: RegistryProblem) => new RegistryError(problem, 'x');
  const agent = (problem: AgentProblem) => new AgentError(problem, 'x');
  it.each<[number, string, Error]>([
    [1, 'a wrong password of a registry', registry('unauthorized')],
    [1, 'a wrong password of the Kubernetes API', new UnauthorizedError('x')],
    [1, 'a missing right in a registry', registry('denied')],
    [1, 'a missing right in the cluster', new ForbiddenError('x')],
    [1, 'a missing right to create the agent pod', agent('forbidden')],
    [1, 'an immutable tag', registry('immutable')],
    [1, 'another refusal of a registry', registry('refused')],
    [1, 'an object that the API rejects', new RejectedError('x')],
    [1, 'an agent pod that the API rejects', agent('admission')],
    [1, 'a project that the registry does not have', registry('notFound')],
    [3, 'a registry that does not answer', registry('unreachable')],
    [3, 'an answer of a registry that cannot be used', registry('invalid')],
    [3, 'a server that does not answer', new HttpError('timeout', 'GET http://a', 'no answer')],
    [3, 'a Kubernetes API that does not answer', new UnreachableError('x')],
    [3, 'a quota', new QuotaError('x')],
    [3, 'a conflict', new ConflictError('x')],
    [3, 'what is gone', new NotFoundError('x')],
    [3, 'a namespace that is being deleted', new TerminatingError('x')],
    [3, 'an agent pod that a node refused', agent('nodeRefused')],
    [3, 'an evicted agent pod', agent('evicted')],
  ])('gives %i to %s, and the stage the outcome that goes with it', (code, _, error) => {
    expect(exitCodeOf(error)).toBe(code);
    expect(outcomeOfError(error).outcome).toBe(code === 1 ? 'failed' : 'infrastructure');
  });
});
