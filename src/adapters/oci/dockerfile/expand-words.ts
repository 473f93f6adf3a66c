/** Variables that an instruction may use. */
export type Variables = ReadonlyMap<string, string>;

/** A word that cannot be read: an open quote, a bad substitution. The message says which. */
export class WordError extends Error {}

/**
 * Replaces variables and takes quotes away, as Docker does for the words of an instruction: `$name`, `${name}`,
 * `${name:-default}`, `${name:+alternative}` (and without the colon); nothing in single quotes; the escape character
 * takes the meaning from the next one. https://docs.docker.com/reference/dockerfile/#environment-replacement
 * @throws WordError
 */
export function expandWord(word: string, variables: Variables, escape: string): string {
  const reader = new WordReader(word, variables, escape);
  return reader.read();
}

class WordReader {
  readonly #text: string;
  readonly #variables: Variables;
  readonly #escape: string;
  #at = 0;

  constructor(text: string, variables: Variables, escape: string) {
    this.#text = text;
    this.#variables = variables;
    this.#escape = escape;
  }

  /** Reads to the end, or to an unquoted `end`. */
  read(end?: string): string {
    let result = '';
    while (this.#at < this.#text.length && this.#text[this.#at] !== end) {
      const character = this.#text[this.#at] ?? '';
      if (character === "'") result += this.#singleQuoted();
      else if (character === '"') result += this.#doubleQuoted();
      else if (character === '$') result += this.#variable();
      else if (character === this.#escape) result += this.#escaped();
      else {
        result += character;
        this.#at += 1;
      }
    }
    return result;
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end === -1) throw new WordError(`the quote is not closed: ${this.#text}`);
    const inner = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return inner;
  }

  #doubleQuoted(): string {
    let result = '';
    this.#at += 1;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) throw new WordError(`the quote is not closed: ${this.#text}`);
      if (character === '"') break;
      const next = this.#text[this.#at + 1];
      if (character === '$') result += this.#variable();
      else if (character === this.#escape && (next === '"' || next === '$' || next === this.#escape)) {
        result += next;
        this.#at += 2;
      } else {
        result += character;
        this.#at += 1;
      }
    }
    this.#at += 1;
    return result;
  }

  #escaped(): string {
    const next = this.#text[this.#at + 1] ?? '';
    this.#at += 2;
    return next;
  }

  #variable(): string {
    const rest = this.#text.slice(this.#at);
    const plain = /^\$([A-Za-z_]\w*|[0-9@*#?!-])/.exec(rest);
    if (plain !== null) {
      this.#at += plain[0].length;
      return this.#variables.get(plain[1] ?? '') ?? '';
    }
    const braced = /^\$\{([A-Za-z_]\w*|\d+)(:?[-+?])?/.exec(rest);
    if (braced === null) {
      if (rest.startsWith('${')) throw new WordError(`a substitution that is not known: ${rest}`);
      this.#at += 1;
      return '$';
    }
    this.#at += braced[0].length;
    return this.#substitution(braced[1] ?? '', braced[2] ?? '');
  }

  #substitution(name: string, operator: string): string {
    const operand = this.read('}');
    if (this.#text[this.#at] !== '}') throw new WordError(`the substitution of ${name} is not closed`);
    this.#at += 1;
    const value = this.#variables.get(name);
    const missing = value === undefined || (operator.startsWith(':') && value === '');
    switch (operator.at(-1)) {
      case '-':
        return missing ? operand : value;
      case '+':
        return missing ? '' : operand;
      case '?':
        if (missing) throw new WordError(`${name}: ${operand === '' ? 'it is not set' : operand}`);
        return value;
      default:
        if (operand !== '') throw new WordError(`a substitution of ${name} that is not known: ${operand}`);
        return value ?? '';
    }
  }
}

/** Splits at blanks that are neither quoted nor escaped; quotes stay. */
export function splitWords(text: string, escape: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (quote === '' && /\s/.test(character)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    word += character;
    if (character === escape && quote !== "'") {
      word += text[at + 1] ?? '';
      at += 1;
    } else if (quote === character) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
  }
  return word === '' ? words : [...words, word];
}

/** `["a", "b"]` as its strings; undefined when it is not such a list. */
export function parseJsonForm(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined;
  } catch {
    // Docker, too, takes it for the shell form then.
    return undefined;
  }
}
