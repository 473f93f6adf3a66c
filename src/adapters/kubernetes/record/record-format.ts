import { gunzipSync, gzipSync } from 'node:zlib';
import * as z from '../../../base/zod.ts';
import { RecordFormatError, RecordTooLargeError } from '../../../ports/record-errors.ts';
import { runRecordFormat, type RunRecord } from '../../../ports/run-record.ts';
import { upgradeRecord } from './upgrade-record.ts';

/** A Secret or ConfigMap holds 1 MiB with everything (https://kubernetes.io/docs/concepts/configuration/configmap/). */
const largestRecord = 900_000;
/** A record larger than this is kept compressed. */
const largestPlain = 100_000;
/** A record unpacked; more is no record. */
const largestUnpacked = 64 * 1024 * 1024;

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
  pod: z.optional(z.string()),
  restoring: z.optional(z.boolean()),
});

const StoredStop = z.looseObject({
  message: z.string(),
  hint: z.optional(z.string()),
  fault: z.enum(['input', 'failure', 'infrastructure', 'aborted', 'rolledBack', 'interrupted', 'internal']),
  afterMs: z.optional(z.number()),
});

/** What is checked; fields that later versions of the same format add are kept. */
const StoredRecord = z.looseObject({
  formatVersion: z.literal(runRecordFormat),
  runId: z.string(),
  pipeline: z.string(),
  namespace: z.string(),
  createdAt: z.number(),
  fence: z.optional(z.number()),
  state: z.enum(['running', 'cancelling', 'finished']),
  stop: z.optional(StoredStop),
  source: z.object({ file: z.string(), text: z.string() }),
  parameters: texts,
  trigger: texts,
  agents: texts,
  git: texts,
  stages: z.record(z.string(), StageRecord),
  logs: z.optional(z.object({ host: z.string(), directory: z.string() })),
});

/** @throws RecordTooLargeError */
export function packRecord(record: RunRecord): RecordData {
  const text = JSON.stringify(record);
  const plain = Buffer.byteLength(text) <= largestPlain;
  const packed = plain ? text : gzipSync(text).toString('base64');
  if (packed.length > largestRecord) {
    throw new RecordTooLargeError(
      `the record of run ${record.runId} is too large: it has ${kilobytes(packed.length)}; the limit is ${kilobytes(largestRecord)}`,
      {
        hint: 'the pipeline file, the parameters and the outputs of stages are kept in it: make them smaller',
      },
    );
  }
  const data = { formatVersion: String(record.formatVersion), state: record.state };
  return plain
    ? { data: { ...data, record: packed }, binaryData: {} }
    : { data, binaryData: { 'record.gz': packed } };
}

/**
 * Reads a record of this format or an older one.
 * @throws RecordFormatError when a newer version wrote it, or it is damaged; the message names `name`
 */
export function unpackRecord({ data, binaryData }: Partial<RecordData>, name: string): RunRecord {
  const version = Number(data?.['formatVersion'] ?? Number.NaN);
  if (version > runRecordFormat) {
    throw new RecordFormatError(
      `${name} was written in format ${String(version)}; this version of Slipway reads up to ${String(runRecordFormat)}`,
      { hint: 'use the version that started the run, or a newer one' },
    );
  }
  try {
    const upgraded = upgradeRecord(JSON.parse(recordText({ data, binaryData })));
    const { fence = 0 } = StoredRecord.parse(upgraded);
    return { ...(upgraded as RunRecord), fence };
  } catch (error) {
    throw new RecordFormatError(`${name} cannot be read: it is damaged, or not the record of a run`, {
      cause: error,
    });
  }
}

function kilobytes(bytes: number): string {
  return `${String(Math.ceil(bytes / 1000))} kB`;
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
