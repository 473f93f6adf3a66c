/** Characters of one warning, and warnings of one answer, that are kept. */
const longest = 1000;
const most = 20;

/** One of a header's values: `299 - "text" "date"`; https://datatracker.ietf.org/doc/html/rfc7234#section-5.5 */
const warningValue = /[\s,]*(\d{3}) [^\s"]+ "((?:[^"\\]|\\.)*)"(?: "[^"]*")?\s*(?=,|$)/gy;

/**
 * What the API server warns of in an answer, in plain text: the `Warning:` headers of code 299, which kubectl shows too.
 * https://kubernetes.io/blog/2020/09/03/warnings/
 * @param header as undici gives it: one for each header line, its bytes as Latin-1
 */
export function warningsIn(header: string | readonly string[] | undefined): string[] {
  const texts = [header ?? []].flat().flatMap(textsIn);
  if (texts.length <= most) return texts;
  return [...texts.slice(0, most), `${String(texts.length - most)} more warnings are not shown`];
}

/** What is not written as a warning is passed over, with the rest of its line. */
function textsIn(line: string): string[] {
  const texts: string[] = [];
  for (const [, code, quoted = ''] of line.matchAll(warningValue)) {
    const text = plainText(quoted.replaceAll(/\\(.)/g, '$1'));
    if (code === '299' && text !== '') texts.push(text);
  }
  return texts;
}

/** Kubernetes sends UTF-8. Control characters could write to the terminal what the server does not say. */
function plainText(latin1: string): string {
  const text = Buffer.from(latin1, 'latin1').toString('utf8');
  const printable = text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return printable.length > longest ? `${printable.slice(0, longest)}…` : printable;
}
