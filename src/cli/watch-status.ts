import type { ReleaseTarget } from '../app/release-commands.ts';
import type { Look } from '../app/watch-release.ts';
import { statusText } from './status-text.ts';
import { writeJson, writeLine } from './write-line.ts';

/** Shows what is seen of a release. */
interface View {
  show(look: Look): Promise<void> | void;
  close(): void;
}

/** Which release it is, and what `--cluster` named, for the commands that are shown. */
type Shown = Pick<ReleaseTarget, 'application'> & {
  connection: Pick<ReleaseTarget['connection'], 'namespace' | 'chosen'>;
};

/**
 * `pipeline release status APP --watch`: on a terminal a picture that is drawn again when something has changed;
 * elsewhere the new status, as text or as a line of JSON. Ends with the release, or by the signal.
 */
export async function watchStatus(target: ReleaseTarget, args: Record<string, unknown>): Promise<void> {
  const { watchRelease } = await import('../app/watch-release.ts');
  const view = await viewFor(target, args);
  await showLooks(watchRelease(target), view, process.stdout);
}

/** Shows each look, until there are no more or the reader of the output has gone (`| head -1`). */
export async function showLooks(
  looks: AsyncIterable<Look>,
  view: View,
  output: Pick<NodeJS.WritableStream, 'once' | 'off'>,
): Promise<void> {
  let isGone = false;
  const leave = () => (isGone = true);
  output.once('error', leave);
  try {
    for await (const look of looks) {
      await view.show(look);
      if (hasLeft()) return;
    }
  } finally {
    output.off('error', leave);
    view.close();
  }

  /** Read through a function: the flow analysis takes the variable for fixed. */
  function hasLeft(): boolean {
    return isGone;
  }
}

async function viewFor(target: ReleaseTarget, args: Record<string, unknown>): Promise<View> {
  const { stdout } = process;
  if (args['output'] === 'json') return jsonView(target, (value) => writeJson(stdout, value));
  const { isLive, liveText } = await import('../app/live-text.ts');
  return isLive(stdout)
    ? pictureView(target, await liveText(stdout))
    : blockView(target, (text) => writeLine(stdout, text));
}

/** The status as it was seen last, and below it that the API does not answer. */
export function pictureView(
  { connection }: Shown,
  picture: { draw(lines: readonly string[]): void; close(): void },
): View {
  let seen: string[] = [];
  return {
    show(look) {
      if (look.type === 'seen') seen = statusText(look.status, connection.chosen);
      picture.draw(look.type === 'seen' ? seen : [...seen, unansweredText(look.message)]);
    },
    close: () => picture.close(),
  };
}

/** The whole status at each change, with an empty line before it. */
export function blockView({ connection }: Shown, write: (text: string) => Promise<void>): View {
  let last: string | undefined;
  return {
    async show(look) {
      const text =
        look.type === 'seen'
          ? statusText(look.status, connection.chosen).join('\n')
          : unansweredText(look.message);
      if (text === last) return;
      const before = last === undefined ? '' : '\n';
      last = text;
      await write(before + text);
    },
    close: () => undefined,
  };
}

/** The status as JSON at each change; `unanswered` while the API does not answer. */
export function jsonView(
  { application, connection: { namespace } }: Shown,
  write: (value: object) => Promise<void>,
): View {
  let last: string | undefined;
  return {
    async show(look) {
      const value = look.type === 'seen' ? look.status : { application, namespace, unanswered: look.message };
      const text = JSON.stringify(value, (key, each: unknown) => (timings.has(key) ? undefined : each));
      if (text === last) return;
      last = text;
      await write(value);
    },
    close: () => undefined,
  };
}

/** What rises by itself is no change. */
const timings = new Set(['phaseSpentMs', 'lastedMs', 'completeForMs']);

function unansweredText(message: string): string {
  return `no answer for the moment, asking again: ${message}`;
}
