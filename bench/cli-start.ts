import { join } from 'node:path';

import { runCommand } from '../scripts/run-command.ts';
import type { Bench } from './bench.ts';
import type { Comparison } from './measure.ts';

/** How long the CLI takes to start and check a file, against Node alone. */
export function cliStart({ root, cli }: Bench): Comparison[] {
  const file = join(root, 'examples', 'quickstart', 'app.yaml');
  return [
    {
      name: 'start of the CLI',
      ours: {
        label: 'pipeline validate app.yaml',
        run: () => runCommand([process.execPath, cli, 'validate', file]),
      },
      theirs: {
        label: 'node -e 0',
        run: () => runCommand([process.execPath, '-e', '0']),
      },
      goal: { atMost: 2.5 },
      rounds: 20,
    },
  ];
}
