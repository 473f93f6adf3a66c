import { InputError } from './errors.ts';
import { Pattern, PatternError } from './pattern.ts';

/** Characters; a pattern of characters has the same limit. */
const longestGlob = 1000;

/** What a glob may hold beside `*`, `?` and `[…]`. */
export interface GlobOptions {
  /** Whether wildcards match names that begin with a dot; default false. */
  dot?: boolean;
  /** Without `**` and `{a,b}`, as Go's filepath.Match; default false. */
  plain?: boolean;
}

/**
 * Whether a relative path (`/` between names) matches a glob: `*` and `?` stay within a name, `**` stands for any folders
 * and none, `[…]` for a character, `{a,b}` for either, `\` takes the meaning from what follows. In linear time, which
 * libraries that make a RegExp of a glob do not keep: `*a*a*a*a*b` takes them minutes on a long name.
 * @throws InputError for what it cannot be: extended globs (`+(a|b)`, `!(a)`), negation, or a size out of proportion
 */
export function compileGlob(glob: string, options: GlobOptions = {}): (path: string) => boolean {
  const { dot = false, plain = false } = options;
  // Before anything looks at it: translating takes time that grows with the square of its length.
  if (glob.length > longestGlob) {
    throw new InputError(
      `"${glob.slice(0, 60)}…" is not a pattern of paths: it has more than ${String(longestGlob)} characters`,
    );
  }
  if (!plain && /^!|[!@+?*]\(/.test(glob)) {
    throw new InputError(`the pattern "${glob}" is not supported`, {
      hint: 'patterns support *, **, ?, […] and {a,b}',
    });
  }
  const translation = new Translation(glob, { dot, plain });
  try {
    const pattern = new Pattern(`(?s)${translation.source()}`);
    return (path) => pattern.matches(path);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new InputError(`"${glob}" is not a valid path pattern: ${error.message}`, { cause: error });
  }
}

/** Whether a text is more than a plain path. */
export function isGlob(text: string): boolean {
  return /[*?[{\\]/.test(text);
}

/** The folders that every match of a glob lies in, as far as they are plain; empty when there are none. */
export function globBase(glob: string): string {
  if (!isGlob(glob)) return glob;
  const names = glob.split('/');
  return names.slice(0, names.findIndex(isGlob)).join('/');
}

/** Makes RE2's source of a glob. */
class Translation {
  readonly #options: Required<GlobOptions>;
  /** For each open group, whether it begins a name. */
  readonly #groups: boolean[] = [];
  #glob: string;
  #at = 0;
  /** Where an alternative of a group began last. */
  #alternativeAt = -1;

  constructor(glob: string, options: Required<GlobOptions>) {
    this.#glob = glob;
    this.#options = options;
  }

  source(): string {
    let source = '';
    while (this.#at < this.#glob.length) source += this.#next();
    return source;
  }

  #next(): string {
    const character = String.fromCodePoint(this.#glob.codePointAt(this.#at) ?? 0);
    switch (character) {
      case '*':
        return this.#distribute() ? '' : this.#star();
      case '?':
        return this.#take(1, this.#mayNotBeDot() ? '[^/.]' : '[^/]');
      case '[':
        return this.#class();
      case '{':
      case ',':
      case '}':
        return this.#brace(character);
      case '\\': {
        const escaped = this.#glob[this.#at + 1];
        return escaped === undefined ? this.#take(1, '\\\\') : this.#take(2, literal(escaped));
      }
      default:
        return this.#take(character.length, literal(character));
    }
  }

  #take(length: number, source: string): string {
    this.#at += length;
    return source;
  }

  /** Whether the next character begins a name. */
  #beginsName(): boolean {
    if (this.#at === this.#alternativeAt) return this.#groups.at(-1) === true;
    return this.#at === 0 || this.#glob[this.#at - 1] === '/';
  }

  #mayNotBeDot(): boolean {
    return !this.#options.dot && this.#beginsName();
  }

  /** A name that `**` may pass through. */
  get #anyName(): string {
    return this.#options.dot ? '[^/]+' : '[^/.][^/]*';
  }

  #star(): string {
    const stars = /^\*+/.exec(this.#glob.slice(this.#at))?.[0].length ?? 1;
    const next = this.#glob[this.#at + stars];
    if (!this.#options.plain && stars === 2 && this.#beginsName()) {
      if (next === '/') return this.#take(3, `(?:${this.#anyName}/)*`);
      if (next === undefined) return this.#take(2, `${this.#anyName}(?:/${this.#anyName})*`);
    }
    if (!this.#beginsName()) return this.#take(stars, '[^/]*');
    const isWhole = next === undefined || next === '/';
    if (this.#options.dot) return this.#take(stars, isWhole ? '[^/]+' : '[^/]*');
    return this.#take(stars, isWhole || next === '.' ? '[^/.][^/]*' : '(?:[^/.][^/]*)?');
  }

  /** Reads `*{a,.b}` as `{*a,*.b}`: whether the star may be empty depends on what follows. @returns whether it did */
  #distribute(): boolean {
    if (this.#options.plain || !this.#mayNotBeDot()) return false;
    const found = /^(\*+)(\{(?:\\.|\[[^\]]*\]|[^{}\\])*,(?:\\.|\[[^\]]*\]|[^{}\\])*\})/s.exec(
      this.#glob.slice(this.#at),
    );
    if (found === null) return false;
    const [whole, star = '', group = ''] = found;
    const spread = group.replace(/\\.|\[[^\]]*\]|[{,]/gs, (part) =>
      /^[{,]$/.test(part) ? part + star : part,
    );
    this.#glob = this.#glob.slice(0, this.#at) + spread + this.#glob.slice(this.#at + whole.length);
    return true;
  }

  #class(): string {
    const found = /^\[([!^]?)((?:\]|\\.|[^\]\\])(?:\\.|[^\]\\])*)\]/su.exec(this.#glob.slice(this.#at));
    if (found === null) return this.#take(1, '\\[');
    const [whole, negation = '', inner = ''] = found;
    const escaped = inner.replace(/[[\]^]/g, '\\$&').replace(/\\\\/g, '\\');
    return this.#take(whole.length, negation === '' ? `[${escaped}]` : `[^/${escaped}]`);
  }

  #brace(character: string): string {
    if (this.#options.plain) return this.#take(1, literal(character));
    if (/^\{[^{}]*,.*\}/s.test(this.#glob.slice(this.#at))) {
      this.#groups.push(this.#beginsName());
      this.#alternativeAt = this.#at + 1;
      return this.#take(1, '(?:');
    }
    if (this.#groups.length === 0 || character === '{') return this.#take(1, literal(character));
    if (character === ',') {
      this.#alternativeAt = this.#at + 1;
      return this.#take(1, '|');
    }
    this.#groups.pop();
    return this.#take(1, ')');
  }
}

function literal(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}
