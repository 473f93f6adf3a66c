/** What a scalar stands for; whole numbers are kept exact, since JSON has no limit for them and JavaScript has. */
export type ScalarValue = string | boolean | null | number | bigint;

/** A scalar that kubectl refuses, too. */
export class ScalarError extends Error {}

const words = new Map<string, boolean | null>([
  ...wordsFor(true, ['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']),
  ...wordsFor(false, ['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF']),
  ...wordsFor(null, ['', '~', 'null', 'Null', 'NULL']),
]);

function wordsFor<T>(value: T, texts: readonly string[]): [string, T][] {
  return texts.map((text) => [text, value]);
}

const infinity = /^[-+]?\.(?:inf|Inf|INF)$/;
const notANumber = /^\.(?:nan|NaN|NAN)$/;
const decimal = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const integer = /^([-+]?)(?:(0[xX])([0-9a-fA-F]+)|(0[bB])([01]+)|0([oO]?)([0-7]+)|(0|[1-9][0-9]*))$/;

const largestSigned = 2n ** 63n - 1n;
const largestUnsigned = 2n ** 64n - 1n;

/**
 * The value of a scalar by the rules of the YAML library in kubectl (go-yaml 2): YAML 1.1 with its booleans and octal
 * numbers, and Go's `0o`; no numbers to the base of 60; dates stay text.
 * @param plain written without quotes and not as a block
 * @param tag `tag:yaml.org,2002:int`; undefined where none is written
 * @throws ScalarError
 */
export function scalarValue(text: string, { plain, tag }: { plain: boolean; tag?: string }): ScalarValue {
  const short = /^tag:yaml\.org,2002:(.*)$/.exec(tag ?? '')?.[1];
  if (tag === undefined) return plain ? untagged(text) : text;
  switch (short) {
    case 'int':
    case 'bool':
    case 'null':
    case 'float': {
      const value = untagged(text);
      if (short === kindOf(value) || (short === 'float' && typeof value === 'bigint')) return value;
      throw new ScalarError(`not a !!${short}`);
    }
    case 'binary':
      return binary(text);
    default:
      return text;
  }
}

function kindOf(value: ScalarValue): string {
  if (value === null) return 'null';
  const kinds: Partial<Record<string, string>> = { bigint: 'int', number: 'float', boolean: 'bool' };
  return kinds[typeof value] ?? 'str';
}

function untagged(text: string): ScalarValue {
  const word = words.get(text);
  if (word !== undefined) return word;
  if (infinity.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (notANumber.test(text)) return NaN;
  if (!/^[-+.0-9]/.test(text)) return text;
  // Underscores between digits are left out, but for numbers that begin with a point.
  const digits = text.startsWith('.') ? text : text.replaceAll('_', '');
  return integerOf(digits) ?? floatOf(digits) ?? text;
}

/** undefined: it is none, or one that 64 bits cannot hold. */
function integerOf(text: string): bigint | undefined {
  const match = integer.exec(text);
  if (match === null) return undefined;
  const [, sign, , hex, , binaryDigits, , octal, tens] = match;
  const size =
    hex !== undefined
      ? BigInt(`0x${hex}`)
      : binaryDigits !== undefined
        ? BigInt(`0b${binaryDigits}`)
        : octal !== undefined
          ? BigInt(`0o${octal}`)
          : BigInt(tens ?? '0');
  if (sign === '-') return size <= largestSigned + 1n ? -size : undefined;
  return size <= (sign === '+' ? largestSigned : largestUnsigned) ? size : undefined;
}

function floatOf(text: string): number | undefined {
  if (!decimal.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** The text that base64 stands for: JSON has no bytes. */
function binary(text: string): string {
  const compact = text.replace(/[\r\n]/g, '');
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact))
    throw new ScalarError('!!binary is not base64');
  return Buffer.from(compact, 'base64').toString('utf8');
}

/**
 * A scalar as JSON has it.
 * @throws ScalarError for what JSON cannot say, and for integers that would be changed silently on their way
 */
export function jsonValue(value: ScalarValue): string | boolean | null | number {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new ScalarError('not a number that JSON has: put it in quotes');
    return value === 0 ? 0 : value;
  }
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  // Kubernetes itself keeps 64 bits with a sign, and rounds what is larger.
  const isKept = value >= -largestSigned - 1n && value <= largestSigned;
  if (isKept && !Number.isSafeInteger(number))
    throw new ScalarError(`the integer ${String(value)} is larger than 2^53 and would be rounded`);
  return number;
}

/**
 * A scalar as the key of an object.
 * @throws ScalarError for null
 */
export function keyText(value: ScalarValue): string {
  if (value === null) throw new ScalarError('a key is missing');
  if (typeof value !== 'number') return String(value);
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value < 0 ? '-.inf' : '.inf';
  return singlePrecision(value);
}

/** As Go writes a number of 32 bits in its shortest form (`%g`). */
function singlePrecision(value: number): string {
  const single = Math.fround(value);
  if (!Number.isFinite(single)) return single < 0 ? '-.inf' : '.inf';
  if (Object.is(single, -0)) return '-0';
  const digits = [1, 2, 3, 4, 5, 6, 7, 8].find(
    (count) => Math.fround(Number(single.toPrecision(count))) === single,
  );
  const shortest = Number(single.toPrecision(digits ?? 9));
  const [mantissa = '0', exponent = '0'] = shortest.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(shortest);
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}
