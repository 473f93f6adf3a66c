import { gunzipSync, gzipSync } from 'node:zlib';
import * as z from '../../../base/zod.ts';
import { SlipwayError } from '../../../base/errors.ts';
import type { RunRecord } from '../../../ports/run-record.ts';

/** The format that this version writes, and the newest that it reads. */
export const formatVersion = 1;

/** A Secret or ConfigMap holds 1 MiB with everything (https://kubernetes.io/docs/concepts/configuration/configmap/). */
const largestRecord = 900_000;
/** A record larger than this is kept compressed. */
const largestPlain = 100_000;
/** A record unpacked; more is no record. */
const largestUnpacked = 64 * 1024 * 1024;

/** A record that this version cannot read: written by a newer one, or damaged. */
export class RecordFormatError extends SlipwayError {
  readonly code = 'record-format';
  readonly fault = 'input';
}

/** A record that does not fit into its object. */
export class RecordTooLargeError extends SlipwayError {
  readonly code = 'record-too-large';
  readonly fault = 'failure';
}

/** What a ConfigMap holds of a run. */
export interface RecordData {
  data: Record<string, string>;
  binaryData: Record<string, string>;
}

const texts = z.record(z.string(), z.string());

const StageRecord = z.looseObject({
  state: z.enum(['pending', 'running', 'done']),
  attempt: z.number(),
  outputs: texts,
  environment: texts,
  offsets: z.record(z.string(), z.number()),
});

/** What is checked; fields that later versions of the same format add are kept. */
const StoredRecord = z.looseObject({
  formatVersion: z.literal(formatVersion),
  runId: z.string(),
  pipeline: z.string(),
  namespace: z.string(),
  createdAt: z.number(),
  state: z.enum(['running', 'cancelling', 'finished']),
  source: z.object({ file: z.string(), text: z.string() }),
  parameters: texts,
  trigger: texts,
  git: texts,
  stages: z.record(z.string(), StageRecord),
});

/** @throws RecordTooLargeError */
export function packRecord(record: RunRecord): RecordData {
  const text = JSON.stringify(record);
  const plain = Buffer.byteLength(text) <= largestPlain;
  const packed = plain ? text : gzipSync(text).toString('base64');
  if (packed.length > largestRecord) {
    throw new RecordTooLargeError(
      `the record of run ${record.runId} is too large to be kept in the cluster`,
      {
        hint: 'stage outputs are for short values; hand large ones over as files or artifacts',
      },
    );
  }
  const data = { formatVersion: String(record.formatVersion), state: record.state };
  return plain
    ? { data: { ...data, record: packed }, binaryData: {} }
    : { data, binaryData: { 'record.gz': packed } };
}

/** @throws RecordFormatError when a newer version wrote it, or it is damaged; the message names `name` */
export function unpackRecord({ data, binaryData }: Partial<RecordData>, name: string): RunRecord {
  const version = Number(data?.['formatVersion'] ?? Number.NaN);
  if (version > formatVersion) {
    throw new RecordFormatError(
      `${name} was written in format ${String(version)}; this version of Slipway reads up to ${String(formatVersion)}`,
      { hint: 'use the version that started the run, or a newer one' },
    );
  }
  try {
    const parsed: unknown = JSON.parse(recordText({ data, binaryData }));
    StoredRecord.parse(parsed);
    return parsed as RunRecord;
  } catch (error) {
    throw new RecordFormatError(`${name} cannot be read: it is damaged, or no record of a run`, {
      cause: error,
    });
  }
}

function recordText({
  data,
  binaryData,
}: {
  data?: Record<string, string> | undefined;
  binaryData?: Record<string, string> | undefined;
}): string {
  const packed = binaryData?.['record.gz'];
  if (packed === undefined) return data?.['record'] ?? '';
  return gunzipSync(Buffer.from(packed, 'base64'), { maxOutputLength: largestUnpacked }).toString('utf8');
}
