import { secretParts, shortestMasked, type SecretParts } from './secret-parts.ts';

/** What is searched for to find a secret. */
export interface SecretForms {
  /** Found as they are; bytes as latin1 text, as all forms. */
  plain: string[];
  /** Base64, found in lines of any width. */
  wrapped: string[];
  /** A part of the secret is too short to be masked wherever it stands alone. */
  weak: boolean;
}

const lineFeed = '\n';
/** Longer forms are searched for in pieces, so that a stream holds back no more than this. */
const longestForm = 4096;
/** A larger secret is searched for in fewer forms: a hundred of each line and string would fill memory. */
const largeBytes = 16 * 1024;
/** Less base64 than this may be a part of any word. */
const shortestInnerBase64 = 8;

/**
 * Every form in which a secret's value may turn up in output: itself and what is in it (`secret-parts.ts`), each also
 * in base64 (standard, URL-safe, at the three byte alignments, in lines of any width), in URLs and forms, in JSON as
 * the usual writers escape it, and quoted for a shell. Of a secret of more than 16 KiB: itself, and of its lines and
 * strings JSON, and base64 that begins with them.
 */
export function secretForms(value: Buffer): SecretForms {
  const { parts, wrapped, weak } = secretParts(value);
  if (value.length > largeBytes) return { ...largeForms(value, { parts, wrapped }), weak };
  const plain = new Set<string>();
  const base64 = new Set<string>(wrapped);
  for (const part of parts) {
    plain.add(part.toString('latin1'));
    for (const form of textForms(part.toString('utf8'))) plain.add(Buffer.from(form).toString('latin1'));
    for (const form of base64Forms(part)) base64.add(form);
  }
  return { plain: piecesOf(plain), wrapped: piecesOf(base64), weak };
}

/** A few times the bytes of the secret. What has lines is found by them, and as a whole as it is and in base64. */
function largeForms(
  value: Buffer,
  { parts, wrapped }: Pick<SecretParts, 'parts' | 'wrapped'>,
): Pick<SecretForms, 'plain' | 'wrapped'> {
  const plain = new Set([value.toString('latin1')]);
  const base64 = new Set([...wrapped, ...wholeBase64(value)]);
  for (const part of parts.filter((each) => !each.includes(lineFeed))) {
    plain.add(part.toString('latin1'));
    const json = JSON.stringify(part.toString('utf8')).slice(1, -1);
    plain.add(Buffer.from(json).toString('latin1'));
    for (const form of wholeBase64(part)) base64.add(form);
    const stable = stableBase64(part, 0);
    if (stable.length >= shortestInnerBase64) for (const form of alphabetsOf(stable)) base64.add(form);
  }
  return { plain: piecesOf(plain), wrapped: piecesOf(base64) };
}

function textForms(text: string): string[] {
  return [...urlForms(text), ...jsonForms(text), ...shellForms(text)];
}

/** Percent encoding by the writers of several languages, who differ in what they leave as it is. */
function urlForms(text: string): string[] {
  const component = encodeURIComponent(text.toWellFormed());
  const strict = component.replaceAll(/[!'()*]/g, (sign) => percent(sign));
  const form = new URLSearchParams([['', text]]).toString().slice(1);
  const upper = [
    component,
    strict,
    strict.replaceAll('%20', '+'), // Go's QueryEscape, Python's quote_plus, PHP's urlencode
    strict.replaceAll('%2F', '/'), // Python's quote
    strict.replaceAll('~', '%7E'), // older writers
    strict.replaceAll(/%(?:24|26|2B|3A|3D|40)/g, decodeURIComponent), // Go's PathEscape
    encodeURI(text.toWellFormed()),
    form,
    form.replaceAll('+', '%20'),
    form.replaceAll('%7E', '~'),
  ];
  return [...upper, ...upper.map((one) => one.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()))];
}

function percent(sign: string): string {
  return `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** The inside of a JSON string by the writers of several languages, who differ in what they escape. */
function jsonForms(text: string): string[] {
  const plain = JSON.stringify(text).slice(1, -1);
  const html = escaped(plain, /[<>&\u2028\u2029]/g);
  const ascii = escaped(plain, /[^ -~]/g);
  const cautious = escaped(plain.replaceAll('\\"', '\\u0022'), /[<>&'+`]|[^ -~]/g);
  const escapes = [
    plain,
    html, // Go
    ascii, // Python
    escaped(html, /[^ -~]/g),
    escaped(html, /['=]/g), // Java's Gson
    cautious, // .NET, PHP with its HEX options
    cautious.replaceAll('\\u0022', '\\"'),
  ];
  const both = escapes.flatMap((one) => [one, one.replaceAll('/', '\\/')]);
  return [
    ...both,
    ...both.map((one) => one.replaceAll(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`)),
    ...both.map((one) => JSON.stringify(one).slice(1, -1)), // JSON in a JSON string
  ];
}

/** @param signs matches single UTF-16 units */
function escaped(json: string, signs: RegExp): string {
  return json.replaceAll(signs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** As words of a shell's command line, the outer quotes left out. */
function shellForms(text: string): string[] {
  const dollar = dollarQuoted(text);
  return [
    text.replaceAll("'", `'\\''`), // bash -x, and what people write
    text.replaceAll("'", `'"'"'`), // Python's shlex, dash -x
    text.replaceAll(/[\\"$`]/g, (sign) => `\\${sign}`),
    text.replaceAll(/[^\w@%+=:,./\u0080-\uffff-]/g, (sign) => `\\${sign}`), // bash's printf %q
    text.replaceAll(/[^\w@%+=:./\u0080-\uffff-]/g, (sign) => `\\${sign}`),
    dollar,
    [...Buffer.from(dollar)].map(octal).join(''), // bash in the C locale
  ];
}

const dollarNames: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
  '\u001b': '\\E',
  '\\': '\\\\',
  "'": "\\'",
};

/** The inside of `$'…'`, which bash writes when a word holds a control character. */
function dollarQuoted(text: string): string {
  return text.replaceAll(/[\p{Cc}\\']/gu, (sign) => dollarNames[sign] ?? octal(sign.charCodeAt(0)));
}

/** `\303` for a byte that is no printable ASCII. */
function octal(byte: number): string {
  const printable = byte >= 32 && byte < 127;
  return printable ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
}

/** The base64 of `bytes` wherever they may stand in a longer text: only characters that depend on nothing around them. */
function base64Forms(bytes: Buffer): string[] {
  const forms = wholeBase64(bytes);
  for (const before of [0, 1, 2]) {
    const stable = stableBase64(bytes, before);
    if (stable.length >= shortestInnerBase64) forms.push(...alphabetsOf(stable));
  }
  return forms;
}

/** The base64 of `bytes`, with and without padding. */
function wholeBase64(bytes: Buffer): string[] {
  const whole = bytes.toString('base64');
  return [whole, whole.replaceAll('=', '')].flatMap(alphabetsOf);
}

/** The characters of base64 that depend on nothing around the bytes, when `before` bytes of a group of three precede. */
function stableBase64(bytes: Buffer, before: number): string {
  const encoded = Buffer.concat([Buffer.alloc(before), bytes])
    .toString('base64')
    .replaceAll('=', '');
  const isWhole = (before + bytes.length) % 3 === 0;
  return encoded.slice(before === 0 ? 0 : before + 1, isWhole ? undefined : -1);
}

/** Base64 in its standard and its URL-safe alphabet. */
function alphabetsOf(base64: string): string[] {
  return [base64, base64.replaceAll('+', '-').replaceAll('/', '_')];
}

/** Forms of a length that can be searched for: long ones as pieces, whose places do not depend on the form's end. */
function piecesOf(forms: Iterable<string>): string[] {
  const pieces = new Set<string>();
  for (const form of forms) {
    if (form.length < shortestMasked) continue;
    for (let at = 0; at + longestForm < form.length; at += longestForm)
      pieces.add(form.slice(at, at + longestForm));
    pieces.add(form.slice(-longestForm));
  }
  return [...pieces];
}
