/** One entry of a tar file as its bytes say it, right or wrong. */
export interface RawEntry {
  name: string;
  /** The byte of the header: `0` file, `1` hard link, `2` symbolic link, `3` `4` devices, `5` folder, `6` pipe, … */
  type: string;
  linkname?: string;
  content?: string;
  /** The size that the header claims; missing: that of the content. */
  size?: number | 'negative' | 'no-number';
  mode?: number;
  /** Name and link in a pax header, where they may be of any length and hold any byte. */
  pax?: boolean;
  /** A wrong checksum. */
  damaged?: boolean;
}

const block = 512;

/** The bytes of a tar file of these entries; for what no library would write. */
export function rawTar(entries: readonly RawEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(entryBytes), Buffer.alloc(2 * block)]);
}

function entryBytes(entry: RawEntry): Buffer[] {
  const content = Buffer.from(entry.content ?? '');
  const before = entry.pax === true ? paxHeader(entry) : [];
  return [...before, header(entry, content.length), padded(content)];
}

function paxHeader({ name, linkname }: RawEntry): Buffer[] {
  const records = [paxRecord('path', name), linkname === undefined ? '' : paxRecord('linkpath', linkname)];
  const content = Buffer.from(records.join(''));
  return [header({ name: 'PaxHeader', type: 'x' }, content.length), padded(content)];
}

/** `LENGTH key=value\n`, the length with itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  while (length !== Buffer.byteLength(`${String(length)}${rest}`))
    length = Buffer.byteLength(`${String(length)}${rest}`);
  return `${String(length)}${rest}`;
}

function header(entry: RawEntry, length: number): Buffer {
  const { name, type, linkname = '', size = length, mode = 0o644 } = entry;
  const bytes = Buffer.alloc(block);
  bytes.write(name.slice(0, 100), 0, 100);
  bytes.write(octal(mode, 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  if (size === 'negative') bytes.fill(0xff, 124, 136);
  else bytes.write(size === 'no-number' ? 'zzzzzzzzzzz' : octal(size, 11), 124);
  bytes.write(octal(0, 11), 136);
  bytes.write(type.slice(0, 1), 156);
  bytes.write(linkname.slice(0, 100), 157, 100);
  bytes.write('ustar\0', 257, 'latin1');
  bytes.write('00', 263);
  bytes.fill(' ', 148, 156);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${octal(sum + (entry.damaged === true ? 1 : 0), 6)}\0 `, 148, 'latin1');
  return bytes;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((block - (content.length % block)) % block)]);
}
