import type { Fields } from '../../kinds/fields.ts';
import { badRequest } from '../status-error.ts';
import { messages } from './messages.ts';

// Clients written in Go send built-in types as protobuf, kubectl among them (`kubectl create deployment`). Answers are
// always JSON, which they accept. https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding

const magic = Buffer.from('k8s\0');

/** A field of a message. */
interface MessageField {
  name: string;
  /** Without the marks of lists, maps and pointers. */
  type: string;
  holds: 'one' | 'list' | 'map';
  /** A zero value is kept: the Go type is a pointer. */
  keepsZero: boolean;
}

type Message = ReadonlyMap<number, MessageField>;

let table: Map<string, string> | undefined;
const parsed = new Map<string, Message>();

function messageOf(name: string): Message {
  table ??= new Map(messages.split('\n').map((line) => [line.split(' ', 1)[0] ?? '', line]));
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const line = table.get(name);
  if (line === undefined) throw badRequest(`the sandbox cannot read ${name} from protobuf; send JSON`);
  const package_ = name.split('.')[0] ?? '';
  const message = new Map(
    line
      .split(' ')
      .slice(1)
      .map((text) => parseField(text, package_)),
  );
  parsed.set(name, message);
  return message;
}

/** `2containers:[].Container` */
function parseField(text: string, package_: string): [number, MessageField] {
  const [, number = '', name = '', holds, type = '', star] =
    /^(\d+)([^:]+):(\[\]|\{\})?([^*]+)(\*)?$/.exec(text) ?? [];
  return [
    Number(number),
    {
      name,
      type: type.startsWith('.') ? `${package_}${type}` : type,
      holds: holds === '[]' ? 'list' : holds === '{}' ? 'map' : 'one',
      keepsZero: star !== undefined,
    },
  ];
}

/** A value as it stands on the wire: a number, or bytes. */
type Wire = bigint | Buffer;

function* readWire(bytes: Buffer): Generator<[number, Wire]> {
  let offset = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(offset++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  };
  const take = (length: number): Buffer => {
    const part = bytes.subarray(offset, offset + length);
    if (part.length < length) throw new RangeError('the message is cut off');
    offset += length;
    return part;
  };
  while (offset < bytes.length) {
    const tag = Number(varint());
    const wireType = tag & 7;
    if (wireType === 0) yield [tag >> 3, varint()];
    else if (wireType === 1) yield [tag >> 3, take(8)];
    else if (wireType === 2) yield [tag >> 3, take(Number(varint()))];
    else if (wireType === 5) yield [tag >> 3, take(4)];
    else throw new RangeError(`wire type ${wireType}`);
  }
}

const toBuffer = (value: Wire | undefined): Buffer => (Buffer.isBuffer(value) ? value : Buffer.alloc(0));
const toText = (value: Wire | undefined): string => toBuffer(value).toString('utf8');
const fieldsIn = (value: Wire): Map<number, Wire> => new Map(readWire(toBuffer(value)));

function time(value: Wire): string | undefined {
  const fields = fieldsIn(value);
  const seconds = Number(fields.get(1) ?? 0);
  // The zero time of Go stands for none.
  if (fields.size === 0 || seconds < 0) return undefined;
  const micros = Math.floor(Number(fields.get(2) ?? 0) / 1000);
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  return micros === 0 ? `${text}Z` : `${text}.${String(micros).padStart(6, '0')}Z`;
}

/** Types with a form of their own in JSON. */
const specialTypes: Record<string, (value: Wire) => unknown> = {
  s: toText,
  y: (value) => toBuffer(value).toString('base64'),
  i: Number,
  b: (value) => value === 1n,
  d: (value) => toBuffer(value).readDoubleLE(),
  Quantity: (value) => toText(fieldsIn(value).get(1)),
  Time: time,
  Duration: (value) => `${Number(fieldsIn(value).get(1) ?? 0) / 1e9}s`,
  IntOrString(value) {
    const fields = fieldsIn(value);
    return fields.get(1) === 1n ? toText(fields.get(3)) : Number(fields.get(2) ?? 0);
  },
  Raw(value) {
    const text = toText(fieldsIn(value).get(1));
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  },
  Items: (value) => [...readWire(toBuffer(value))].map(([, item]) => toText(item)),
};

function decodeValue(type: string, value: Wire): unknown {
  const special = specialTypes[type];
  return special === undefined ? decodeMessage(type, toBuffer(value)) : special(value);
}

/** What Go leaves out of JSON: empty texts and lists, zeros, and objects without fields. */
function isZero(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function decodeMessage(name: string, bytes: Buffer): Fields {
  const message = messageOf(name);
  const result: Fields = {};
  for (const [number, wire] of readWire(bytes)) {
    const field = message.get(number);
    if (field === undefined) continue;
    if (field.holds === 'map') {
      const entry = fieldsIn(wire);
      const value = decodeValue(field.type, entry.get(2) ?? Buffer.alloc(0));
      result[field.name] = { ...(result[field.name] as Fields | undefined), [toText(entry.get(1))]: value };
      continue;
    }
    const value = decodeValue(field.type, wire);
    if (field.holds === 'list') {
      result[field.name] = [...((result[field.name] as unknown[] | undefined) ?? []), value];
    } else if (field.name === '-') Object.assign(result, value);
    else if (value !== undefined && (field.keepsZero || !isZero(value))) result[field.name] = value;
  }
  return result;
}

/** Packages of the table by API group; a version of its own where the group has several. */
function packageOf(group: string, version: string): string {
  if (group === '') return 'core';
  if (group === 'autoscaling' && version === 'v2') return 'autoscalingv2';
  return group.split('.')[0] ?? '';
}

/**
 * Reads a body in Kubernetes' protobuf encoding: four magic bytes, then an envelope with the object's type and bytes.
 * @throws StatusError BadRequest when it is none, or of a type that the sandbox does not know in protobuf.
 */
export function decodeProtobuf(body: Buffer): Fields {
  if (!body.subarray(0, 4).equals(magic)) throw badRequest('the body is not Kubernetes protobuf');
  try {
    const envelope = fieldsIn(body.subarray(4));
    const type = fieldsIn(envelope.get(1) ?? Buffer.alloc(0));
    const [apiVersion, kind] = [toText(type.get(1)), toText(type.get(2))];
    const slash = apiVersion.indexOf('/');
    const group = slash < 0 ? '' : apiVersion.slice(0, slash);
    const ofMeta = kind === 'DeleteOptions';
    const package_ = ofMeta ? 'meta' : packageOf(group, apiVersion.slice(slash + 1));
    const content = decodeMessage(`${package_}.${kind}`, toBuffer(envelope.get(2)));
    return { ...content, apiVersion, kind };
  } catch (error) {
    if (error instanceof RangeError) throw badRequest(`the protobuf body cannot be read: ${error.message}`);
    throw error;
  }
}
