import {
  detached,
  ended,
  firstFailed,
  firstLeft,
  inProgress,
  left,
  paused,
  released,
  unreleased,
  ways,
  type Situation,
} from './situations.ts';

/** What a command must do in a state, besides its exit code. */
export interface Expected {
  /** What it says. */
  says: RegExp;
  /** The image that serves alone after it, and after the end of the release whose runner lives. */
  serves?: 'v1' | 'v2' | 'v3' | 'v4';
  /** How that release ends; missing: it is not awaited. */
  ends?: 'released' | 'rolledBack' | 'detached';
}

/** A row of the table. */
interface State {
  /** The ways to come into it: what a command does is the same in each. */
  situations: Readonly<Record<string, () => Promise<Situation>>>;
  /** By the column of the table. */
  commands: Readonly<Record<string, Expected>>;
}

const { canary, blueGreen, rolling } = ways;
const crash = { pods: 'crash' } as const;
const halting = { ...crash, rollback: 'never' } as const;

const neverReleased: Expected = { says: /^web was never released to namespace shop$/m };
const noneInProgress: Expected = { says: /^no release of web is in progress(: revision \d .*)?$/m };
const noneWaits: Expected = { says: /^no release of web waits for an answer: none is in progress$/m };
const noAnswer: Expected = { says: /^no release of web waits for an answer: it is in phase \w+$/m };
const busy: Expected = { says: /^web in namespace shop is being released by run run-v3, stage deploy/m };
const notMine: Expected = { says: /^to end it: pipeline cancel run-v3$/m };
const lives: Expected = { says: /^its runner lives: .*pipeline attach run-v3/m };
const notServed: Expected = { says: /^web has no revision 1 to roll back to$/m };
const noEarlier: Expected = { says: /^web has no earlier revision to roll back to$/m };
const toFirst: Expected = { says: /^revision \d is released$/m, serves: 'v1' };
const back: Expected = { says: /^revision 3 was rolled back; revision 2 is serving$/m, serves: 'v2' };
const forth: Expected = { says: /^revision \d is released$/m, serves: 'v3' };
const nextRun: Expected = { says: /^released$/m, serves: 'v4' };
const promoted: Expected = { says: /^revision 3 of web is promoted;/m, ends: 'released', serves: 'v3' };
const promotedFull: Expected = {
  says: /^revision 3 of web is promoted in full/m,
  ends: 'released',
  serves: 'v3',
};
const givenBack: Expected = {
  says: /^the runner of web rolls it back$/m,
  ends: 'rolledBack',
  serves: 'v2',
};

const promotedLeft: Expected = { says: /^revision 3 of web is promoted in full/m };

const pauses: Expected = {
  says: /^revision 3 of web pauses at its next point of rest, asked by \S+; to continue: pipeline release resume web -n shop$/m,
};
const leaves: Expected = {
  says: /^the runner of revision 3 of web leaves it as soon as it waits; to continue: pipeline release resume web/m,
  ends: 'detached',
};
/** As {@link leaves}, of a runner that may have died. */
const leftAlready: Expected = { says: leaves.says };
const stays: Expected = { says: /^the runner of web cannot leave it now: the new pods have the traffic/m };
const inTheWay: Expected = {
  says: /^no release of web is to be tried again: revision \d is in progress$/m,
};
const notFailed: Expected = { says: /^no release of web is to be tried again: revision \d was released$/m };
const again: Expected = { says: /^revision \d is released$/m, serves: 'v3' };
const pausedBy: Expected = {
  says: /^(paused|about to pause, when its pods have come to rest, asked) by ann@desk since .*UTC/m,
};

const listed = (...lines: string[]): Expected => ({ says: new RegExp(`^${lines.join('\n')}$`) });
const shown = (phase: string): Expected => ({
  says: new RegExp(`^in progress: revision \\d, web=v3, in phase ${phase}, owned by run run-v3`, 'm'),
});
const waits: Expected = { says: /^(waiting for a person|paused|measuring) since .*UTC: /m };
const unfinished = listed('3 unfinished', '2 released', '1 released');

/** What is the same wherever a runner lives. */
const owned = {
  '`history`': unfinished,
  '`rollback --to 1`': notMine,
  '`resume`': lives,
  '`retry`': inTheWay,
  'another run': busy,
};
/** What is the same wherever a runner has died, and an earlier revision serves. */
const orphaned = {
  '`history`': unfinished,
  '`abort`': back,
  '`rollback`': back,
  '`rollback --to 1`': toFirst,
  '`retry`': inTheWay,
  'another run': nextRun,
};

/** What is the same where the last release has ended and an earlier one serves. */
const over = {
  ...{ '`promote`': noneWaits, '`promote --full`': noneWaits, '`pause`': noneWaits, '`detach`': noneWaits },
  ...{ '`abort`': noneInProgress, '`resume`': noneInProgress },
  ...{ '`rollback`': toFirst, '`rollback --to 1`': toFirst, 'another run': nextRun },
};

/** The states, by the rows of the table. */
export const states: Readonly<Record<string, State>> = {
  'never released': {
    situations: { 'nothing is there': unreleased },
    commands: {
      ...{
        '`status`': neverReleased,
        '`history`': neverReleased,
        '`promote`': neverReleased,
        '`promote --full`': neverReleased,
      },
      ...{ '`abort`': neverReleased, '`rollback`': neverReleased, '`rollback --to 1`': neverReleased },
      ...{ '`pause`': neverReleased, '`detach`': neverReleased, '`retry`': neverReleased },
      ...{ '`resume`': neverReleased, 'another run': nextRun },
    },
  },
  released: {
    situations: { 'by rolling': released },
    commands: {
      '`status`': { says: /^serving: revision 2, web=v2$/m },
      '`history`': listed('2 released', '1 released'),
      ...over,
      '`retry`': notFailed,
    },
  },
  'rolled back': {
    situations: {
      'by rolling': () => ended({ ...rolling, ...crash }),
      'by canary': () => ended({ ...canary, ...crash }),
      'by blueGreen': () => ended({ ...blueGreen, ...crash }),
    },
    commands: {
      '`status`': { says: /^serving: revision 2, web=v2$/m },
      '`history`': listed('3 rolledBack', '2 released', '1 released'),
      ...over,
      '`retry`': again,
    },
  },
  'halted, left in place': {
    situations: {
      'by rolling': () => ended({ ...rolling, ...halting }),
      'by canary': () => ended({ ...canary, ...halting }),
      'by blueGreen': () => ended({ ...blueGreen, ...halting }),
    },
    commands: {
      '`status`': { says: /^last release: revision 3, web=v3, halted: /m },
      '`history`': listed('3 halted', '2 released', '1 released'),
      ...{ '`promote`': noneWaits, '`promote --full`': noneWaits },
      ...{ '`pause`': noneWaits, '`detach`': noneWaits, '`retry`': again },
      '`abort`': { says: /in progress: revision 3 was halted\n.*pipeline release rollback web / },
      '`rollback`': { says: /^revision 4 is released$/m, serves: 'v2' },
      '`rollback --to 1`': toFirst,
      '`resume`': { says: /in progress: revision 3 was halted\n.*pipeline release rollback web / },
      'another run': nextRun,
    },
  },
  'first release failed': {
    situations: {
      'by rolling': () => firstFailed(rolling),
      'by canary': () => firstFailed(canary),
      'by blueGreen': () => firstFailed(blueGreen),
    },
    commands: {
      '`status`': { says: /^last release: revision 1, web=v3, failed: /m },
      '`history`': listed('1 failed'),
      ...{ '`promote`': noneWaits, '`promote --full`': noneWaits },
      ...{ '`pause`': noneWaits, '`detach`': noneWaits, '`retry`': again },
      ...{ '`abort`': noneInProgress, '`rollback`': noEarlier },
      ...{ '`rollback --to 1`': notServed, '`resume`': noneInProgress, 'another run': nextRun },
    },
  },
  'migration runs': {
    situations: {
      'before rolling': () => inProgress(ways.migrating, 'migrating'),
      'before a canary': () => inProgress(ways.migratingCanary, 'migrating'),
    },
    commands: {
      '`status`': shown('migrating'),
      ...owned,
      ...{ '`promote`': noAnswer, '`promote --full`': noAnswer, '`pause`': noAnswer, '`detach`': noAnswer },
      ...{ '`abort`': givenBack, '`rollback`': givenBack },
    },
  },
  rolling: {
    situations: {
      'rolling applies': () => inProgress(rolling, 'applying'),
      'rolling replaces pods': () => inProgress(rolling, 'progressing'),
      'canary compares': () => inProgress(canary, 'comparing'),
      'canary has completed': () => inProgress(ways.quickCanary, 'progressing'),
      'blueGreen has pinned': () => inProgress(blueGreen, 'pinned'),
      'blueGreen has completed': () => inProgress(ways.quickBlueGreen, 'progressing'),
    },
    commands: {
      '`status`': shown('(applying|progressing|comparing|pinned)'),
      ...owned,
      ...{ '`pause`': noAnswer, '`detach`': noAnswer },
      ...{ '`promote`': noAnswer, '`promote --full`': noAnswer },
      ...{ '`abort`': notMine, '`rollback`': notMine },
    },
  },
  'pods of a held Deployment change': {
    situations: {
      'canary starts': () => inProgress(canary, 'starting'),
      'canary shifts': () => inProgress(canary, 'shifting'),
      'canary steps': () => inProgress(canary, 'stepping'),
      'blueGreen starts': () => inProgress(blueGreen, 'starting'),
      'blueGreen makes the preview': () => inProgress(blueGreen, 'previewing'),
    },
    commands: {
      '`status`': shown('(starting|shifting|stepping|previewing)'),
      ...owned,
      ...{ '`pause`': pauses, '`detach`': leaves },
      ...{ '`promote`': noAnswer, '`promote --full`': promotedFull },
      ...{ '`abort`': givenBack, '`rollback`': givenBack },
    },
  },
  'waits: pause, person, analysis': {
    situations: {
      'canary for a person': () => inProgress(canary, 'waiting'),
      'canary for ten minutes': () => inProgress(ways.pausedCanary, 'waiting'),
      'canary measures': () => inProgress(ways.measuredCanary, 'measuring'),
      'canary by an inconclusive analysis': () =>
        inProgress({ ...ways.measuredCanary, measured: 0.05 }, 'waiting'),
      'blueGreen for a person': () => inProgress(blueGreen, 'waiting'),
      'blueGreen measures': () => inProgress(ways.measuredBlueGreen, 'measuring'),
    },
    commands: {
      '`status`': waits,
      ...owned,
      ...{ '`pause`': pauses, '`detach`': leaves },
      ...{ '`promote`': promoted, '`promote --full`': promotedFull },
      ...{ '`abort`': givenBack, '`rollback`': givenBack },
    },
  },
  'blueGreen keeps the old pods': {
    situations: {
      'for ten minutes': () => inProgress(ways.keepingBlueGreen, 'switched'),
      'while it measures': () => inProgress(ways.measuredAfter, 'switched'),
    },
    commands: {
      '`status`': shown('switched'),
      ...owned,
      ...{ '`pause`': pauses, '`detach`': stays },
      ...{ '`promote`': promoted, '`promote --full`': promotedFull },
      ...{ '`abort`': givenBack, '`rollback`': givenBack },
    },
  },
  'a held Deployment is completed': {
    situations: {
      'canary completes': () => inProgress(ways.quickCanary, 'completing'),
      'blueGreen completes': () => inProgress(ways.quickBlueGreen, 'completing'),
    },
    commands: {
      '`status`': shown('completing'),
      ...owned,
      ...{ '`pause`': noAnswer, '`detach`': noAnswer },
      ...{ '`promote`': noAnswer, '`promote --full`': noAnswer },
      ...{ '`abort`': givenBack, '`rollback`': givenBack },
    },
  },
  'rolling back': {
    situations: {
      rolling: () => inProgress({ ...rolling, ...crash }, 'restoring'),
      'canary brings pods back': () => inProgress({ ...canary, ...crash }, 'undoing'),
      'canary applies again': () => inProgress({ ...canary, ...crash }, 'restoring'),
      'blueGreen removes the new pods': () => inProgress({ ...blueGreen, ...crash }, 'undoing'),
    },
    commands: {
      '`status`': shown('(restoring|undoing)'),
      ...owned,
      ...{ '`pause`': noAnswer, '`detach`': noAnswer },
      ...{ '`promote`': noAnswer, '`promote --full`': noAnswer },
      ...{ '`abort`': givenBack, '`rollback`': givenBack },
    },
  },
  paused: {
    situations: {
      'canary in a pause': () => paused(inProgress(ways.quickCanary, 'waiting')),
      'canary starts': () => paused(inProgress(ways.quickCanary, 'starting')),
      'blueGreen before its traffic moves': () => paused(inProgress(ways.quickBlueGreen, 'previewing')),
    },
    commands: {
      '`status`': pausedBy,
      ...owned,
      ...{ '`pause`': { says: /next point of rest, asked by ann@desk;/ }, '`detach`': leaves },
      ...{ '`promote`': promoted, '`promote --full`': promotedFull },
      ...{ '`abort`': givenBack, '`rollback`': givenBack },
      '`resume`': { says: /^the runner of web continues it$/m, ends: 'released', serves: 'v3' },
    },
  },
  'runner died: migration runs': {
    situations: {
      'is being started': () => left(ways.migrating, 'startingMigration'),
      'before rolling': () => left(ways.migrating, 'migrating'),
      'before a canary': () => left(ways.migratingCanary, 'migrating'),
    },
    commands: {
      '`status`': shown('(startingMigration|migrating)'),
      ...orphaned,
      ...{ '`promote`': noAnswer, '`promote --full`': noAnswer, '`resume`': forth },
      ...{ '`pause`': noAnswer, '`detach`': noAnswer },
    },
  },
  'runner died: rolling, or completed': {
    situations: {
      'rolling replaces pods': () => left(rolling, 'progressing'),
      'canary compares': () => left(ways.quickCanary, 'comparing'),
      'canary has completed': () => left(ways.quickCanary, 'progressing'),
      'blueGreen has pinned': () => left(blueGreen, 'pinned'),
      'canary completes': () => left(ways.quickCanary, 'completing'),
      'blueGreen completes': () => left(ways.quickBlueGreen, 'completing'),
    },
    commands: {
      '`status`': shown('(progressing|comparing|pinned|completing)'),
      ...orphaned,
      ...{ '`pause`': noAnswer, '`detach`': noAnswer },
      ...{ '`promote`': noAnswer, '`promote --full`': noAnswer, '`resume`': forth },
    },
  },
  'runner died: pods of a held Deployment change': {
    situations: {
      'canary starts': () => left(canary, 'starting'),
      'blueGreen starts': () => left(blueGreen, 'starting'),
    },
    commands: {
      '`status`': shown('starting'),
      ...orphaned,
      ...{ '`pause`': pauses, '`detach`': leftAlready },
      ...{ '`promote`': noAnswer, '`promote --full`': promotedLeft, '`resume`': forth },
    },
  },
  'runner died: waits': {
    situations: {
      'canary for a person': () => left(canary, 'waiting'),
      'blueGreen for a person': () => left(blueGreen, 'waiting'),
    },
    commands: {
      '`status`': shown('waiting'),
      ...orphaned,
      ...{ '`pause`': pauses, '`detach`': leftAlready },
      ...{ '`promote`': { says: /^revision 3 of web is promoted;/m }, '`promote --full`': promotedLeft },
      '`resume`': forth,
    },
  },
  'runner died: blueGreen keeps the old pods': {
    situations: { 'for ten minutes': () => left(ways.keepingBlueGreen, 'switched') },
    commands: {
      '`status`': shown('switched'),
      ...orphaned,
      ...{ '`pause`': pauses, '`detach`': stays },
      ...{ '`promote`': { says: /^revision 3 of web is promoted;/m }, '`promote --full`': promotedLeft },
      '`resume`': forth,
    },
  },
  'runner died: paused': {
    situations: {
      'canary in a pause': () => paused(left(ways.quickCanary, 'waiting')),
      'blueGreen before its traffic moves': () => paused(left(ways.quickBlueGreen, 'previewing')),
    },
    commands: {
      '`status`': pausedBy,
      ...orphaned,
      ...{ '`pause`': { says: /next point of rest, asked by ann@desk;/ }, '`detach`': leftAlready },
      ...{ '`promote`': { says: /^revision 3 of web is promoted;/m }, '`promote --full`': promotedLeft },
      '`resume`': forth,
    },
  },
  detached: {
    situations: {
      'canary for a person': () => detached(inProgress(canary, 'waiting')),
      'canary that started': () => detached(inProgress(canary, 'starting')),
      'blueGreen for a person': () => detached(inProgress(blueGreen, 'waiting')),
      'blueGreen, paused': () => detached(paused(inProgress(ways.quickBlueGreen, 'starting'))),
    },
    commands: {
      '`status`': { says: /^in progress: revision 3, web=v3, in phase \w+, owned by no runner$/m },
      ...orphaned,
      ...{ '`pause`': pauses, '`detach`': { says: /^revision 3 of web has no runner;/m } },
      ...{ '`promote`': { says: /^revision 3 of web is promoted;/m }, '`promote --full`': promotedLeft },
      '`resume`': forth,
    },
  },
  'runner died: rolling back': {
    situations: {
      rolling: () => left({ ...rolling, ...crash }, 'restoring'),
      'canary brings pods back': () => left({ ...canary, ...crash }, 'undoing'),
      'blueGreen removes the new pods': () => left({ ...blueGreen, ...crash }, 'undoing'),
    },
    commands: {
      '`status`': shown('(restoring|undoing)'),
      ...orphaned,
      ...{ '`pause`': noAnswer, '`detach`': noAnswer },
      ...{ '`promote`': noAnswer, '`promote --full`': noAnswer, '`resume`': back },
    },
  },
  'runner died: first release': {
    situations: {
      'by rolling': () => firstLeft(rolling, 'progressing'),
      'by canary': () => firstLeft(canary, 'progressing'),
    },
    commands: {
      ...{ '`status`': shown('progressing'), '`history`': listed('1 unfinished'), '`promote`': noAnswer },
      ...{ '`promote --full`': noAnswer, '`pause`': noAnswer, '`detach`': noAnswer, '`retry`': inTheWay },
      '`abort`': { says: /; this was the first release, there is nothing to roll back to$/m },
      ...{ '`rollback`': noEarlier, '`rollback --to 1`': notServed, '`resume`': forth },
      'another run': nextRun,
    },
  },
};
