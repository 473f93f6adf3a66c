import { afterEach, describe, expect, it } from '@jest/globals';
import { liveState, restingState } from '../blue-green-world.ts';
import type { World } from '../release-world.ts';
import { documentedCells } from './documented-table.ts';
import { states, type Expected } from './expected.ts';
import { commands } from './given-commands.ts';
import type { Situation } from './situations.ts';

const { signal } = new AbortController();
const cells = documentedCells();
let situation: Situation | undefined;

afterEach(async () => {
  await situation?.close();
  situation = undefined;
});

/** Less than what waits by itself in the situations. */
const soonMs = 5 * 60_000;

async function expectEnd(
  { world, running, proceed }: Situation,
  ends: NonNullable<Expected['ends']>,
): Promise<void> {
  const begun = world.clock.monotonicMs();
  proceed();
  expect((await world.clock.unlessStopped(running!)).outcome).toBe(ends);
  expect(world.clock.monotonicMs() - begun).toBeLessThan(soonMs);
}

async function expectServes(world: World, image: string): Promise<void> {
  await world.clock.sleep(10_000, { signal }); // the controllers come to rest
  const { image: now, isHeld, selector, services, deployment } = liveState(world);
  const { strategy, paused = false, minReadySeconds = 0, replicas } = deployment!.spec;
  expect({ now, isHeld, selector, services, strategy, paused, minReadySeconds, replicas }).toEqual({
    ...{ now: image, isHeld: false, services: ['web'], paused: false, minReadySeconds: 0 },
    ...restingState,
  });
}

/** What a command that may change nothing must leave as it is. */
const seenOf = (world: World) => {
  const { image, isHeld, selector } = liveState(world);
  return { image, isHeld, selector };
};

describe('the table of the commands in docs/releases.md', () => {
  it('has a row for each state and a column for each command that is tested, and no others', () => {
    expect([...new Set(cells.map(({ state }) => state))]).toEqual(Object.keys(states));
    expect([...new Set(cells.map(({ command }) => command))]).toEqual(Object.keys(commands));
  });

  it('begins each cell with an exit code', () => {
    expect(cells.filter(({ exitCode }) => Number.isNaN(exitCode))).toEqual([]);
  });

  it.each(cells.map((cell): [string, string, (typeof cells)[number]] => [cell.state, cell.command, cell]))(
    'says what happens: %s: %s',
    async (name, command, { exitCode }) => {
      const { situations = {}, commands: expected = {} } = states[name] ?? {};
      const { says, serves, ends } = expected[command]!;
      expect(Object.keys(situations)).not.toEqual([]);

      for (const [where, come] of Object.entries(situations)) {
        situation = await come();
        const { world } = situation;
        const before = seenOf(world);

        const answered = await world.clock.unlessStopped(commands[command]!(world));

        expect({ where, ...answered }).toEqual({ where, exitCode, said: expect.stringMatching(says) });
        if (exitCode === 2) expect(seenOf(world)).toEqual(before);
        if (ends !== undefined) await expectEnd(situation, ends);
        if (serves !== undefined) await expectServes(world, serves);
        await situation.close();
        situation = undefined;
      }
    },
  );
});
