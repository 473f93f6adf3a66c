import { describe, expect, it } from '@jest/globals';
import { decodeProtobuf } from '../../../../src/sandbox/api/protobuf.ts';

// A writer of its own: bytes are put together by hand from the wire format and the numbers of generated.proto.
const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
const integer = (number: number, value: number): number[] => [...varint(number << 3), ...varint(value)];
const bytes = (number: number, value: number[] | string): number[] => {
  const content = typeof value === 'string' ? [...Buffer.from(value)] : value;
  return [...varint((number << 3) | 2), ...varint(content.length), ...content];
};
const envelope = (apiVersion: string, kind: string, object: number[]): Buffer =>
  Buffer.from([
    ...Buffer.from('k8s\0'),
    ...bytes(1, [...bytes(1, apiVersion), ...bytes(2, kind)]),
    ...bytes(2, object),
  ]);

describe('Kubernetes protobuf', () => {
  it('reads texts, maps and bytes', () => {
    const entry = (key: string, value: string): number[] => [...bytes(1, key), ...bytes(2, value)];
    const metadata = [...bytes(1, 'a'), ...bytes(3, ''), ...bytes(11, entry('app', 'web'))];

    const secret = decodeProtobuf(
      envelope('v1', 'Secret', [
        ...bytes(1, metadata),
        ...bytes(2, entry('token', 'x')),
        ...bytes(3, 'Opaque'),
      ]),
    );

    expect(secret).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'a', labels: { app: 'web' } },
      data: { token: 'eA==' },
      type: 'Opaque',
    });
  });

  it('keeps a zero that means something and drops one that means nothing', () => {
    const template = bytes(
      2,
      bytes(2, [...bytes(1, 'main'), ...bytes(6, [...integer(2, 0), ...integer(3, 80)])]),
    );
    const spec = [...integer(1, 0), ...bytes(3, template), ...integer(5, 0)];

    const deployment = decodeProtobuf(envelope('apps/v1', 'Deployment', bytes(2, spec)));

    expect(deployment['spec']).toEqual({
      replicas: 0,
      template: { spec: { containers: [{ name: 'main', ports: [{ containerPort: 80 }] }] } },
    });
  });

  it('reads quantities, ports by number or name, and fields without a name of their own', () => {
    const limits = bytes(1, [...bytes(1, 'cpu'), ...bytes(2, bytes(1, '500m'))]);
    const template = bytes(3, bytes(2, bytes(2, [...bytes(1, 'main'), ...bytes(8, limits)])));
    const port = bytes(1, [...integer(3, 80), ...bytes(4, [...integer(1, 1), ...bytes(3, 'web')])]);
    const rule = bytes(3, [...bytes(1, 'web.local'), ...bytes(2, bytes(1, bytes(1, bytes(1, '/'))))]);
    const spec = (apiVersion: string, kind: string, content: number[]): unknown =>
      decodeProtobuf(envelope(apiVersion, kind, bytes(2, content)))['spec'];

    expect(spec('apps/v1', 'Deployment', template)).toEqual({
      template: { spec: { containers: [{ name: 'main', resources: { limits: { cpu: '500m' } } }] } },
    });
    expect(spec('v1', 'Service', port)).toEqual({ ports: [{ port: 80, targetPort: 'web' }] });
    expect(spec('networking.k8s.io/v1', 'Ingress', rule)).toEqual({
      rules: [{ host: 'web.local', http: { paths: [{ path: '/' }] } }],
    });
  });

  it('passes over a status without anything in it', () => {
    const status = bytes(3, [...bytes(1, []), ...integer(2, 0)]);

    expect(decodeProtobuf(envelope('v1', 'Service', status))).toEqual({ apiVersion: 'v1', kind: 'Service' });
  });

  it.each<[string, Buffer, RegExp]>([
    ['something else', Buffer.from('{"kind":"Pod"}'), /not Kubernetes protobuf/],
    ['a type that it does not know', envelope('v1', 'Nothing', []), /send JSON/],
    [
      'a field that kubectl does not fill',
      envelope('apps/v1', 'Deployment', bytes(2, bytes(3, bytes(2, bytes(1, 'volume'))))),
      /field 1 of PodSpec from protobuf; send JSON/,
    ],
    ['a message that is cut off', envelope('v1', 'Secret', [10, 90, 1]), /cut off/],
  ])('refuses %s', (_what, body, message) => {
    expect(() => decodeProtobuf(body)).toThrow(message);
  });
});
