import { crc32 } from 'node:zlib';
import type { LogRecord } from '../../../domain/model/log-record.ts';
import { MODES } from '../../../domain/model/mode.ts';
import type { TickBatch } from '../../../domain/model/tick-batch.ts';
import {
  type AlignedBytes,
  emptyHeader,
  HEADER_BYTES,
  KIND_CODE,
  MAX_PAYLOAD_BYTES,
  NO_SOURCE,
  type RecordHeader,
  writeRecordHeader,
} from './record-layout.ts';
import { decodeTicks, encodeTicks, ticksBoundBytes } from './tick-columns.ts';
import { TickLogError } from './tick-log-error.ts';

/** JSON of a record without its name, and of one UTF-16 unit of a name, at most. */
const JSON_BYTES_MAX = 512;
const JSON_UNIT_BYTES_MAX = 6;
const SPACE = 0x20;

/** No encoded form of this record is longer. Throws `bad_record` for one that can't be written. */
export function encodedBoundBytes(record: LogRecord): number {
  const boundBytes = record.kind === 'ticks' ? ticksBoundBytes(record.batch) : smallBoundBytes(record);
  if (boundBytes > HEADER_BYTES + MAX_PAYLOAD_BYTES) {
    throw new TickLogError('bad_record', `tick log: a ${record.kind} record of ${boundBytes} bytes is too long`);
  }
  return boundBytes;
}

function smallBoundBytes(record: Exclude<LogRecord, { kind: 'ticks' }>): number {
  const name = record.kind === 'symbol' ? record.name : record.kind === 'source' ? record.exchange : '';
  return HEADER_BYTES + JSON_BYTES_MAX + name.length * JSON_UNIT_BYTES_MAX;
}

/** Writes the record at `at`, a multiple of 8 with `encodedBoundBytes` of room; returns its length in bytes. */
export function encodeRecord(target: AlignedBytes, at: number, position: number, record: LogRecord): number {
  if (record.kind === 'ticks') return encodeTicks(target, at, position, record.batch);
  if (record.kind === 'damage') throw new TickLogError('bad_record', 'tick log: damage is never written');
  const payloadAt = at + HEADER_BYTES;
  const json = Buffer.from(JSON.stringify(record));
  const payloadBytes = (json.length + 7) & ~7;
  target.bytes.fill(SPACE, payloadAt + json.length, payloadAt + payloadBytes);
  target.bytes.set(json, payloadAt);
  const header = emptyHeader();
  header.kindCode = KIND_CODE[record.kind];
  header.position = position;
  header.payloadBytes = payloadBytes;
  header.source = sourceOf(record);
  writeRecordHeader(target, at, header);
  return HEADER_BYTES + payloadBytes;
}

function sourceOf(record: LogRecord): number {
  if (record.kind === 'feed' || record.kind === 'finalise') return record.source;
  return record.kind === 'source' ? record.id : NO_SOURCE;
}

export function isPayloadIntact(source: AlignedBytes, payloadAt: number, header: RecordHeader): boolean {
  return crc32(source.bytes.subarray(payloadAt, payloadAt + header.payloadBytes)) === header.payloadCrc;
}

/**
 * The record whose intact payload lies at `payloadAt`, a multiple of 8; null if it makes no sense. Ticks are decoded
 * into the batch that `batchOf` gives for their number.
 */
export function decodeRecord(
  source: AlignedBytes,
  payloadAt: number,
  header: RecordHeader,
  batchOf: (capacity: number) => TickBatch,
): LogRecord | null {
  if (header.kindCode === KIND_CODE.ticks) {
    const batch = batchOf(header.ticks);
    return decodeTicks(source, payloadAt, header, batch) ? { kind: 'ticks', batch } : null;
  }
  const json = source.bytes.toString('utf8', payloadAt, payloadAt + header.payloadBytes);
  const record = parseRecord(json);
  return record !== null && KIND_CODE[record.kind] === header.kindCode ? record : null;
}

type SmallRecord = Exclude<LogRecord, { kind: 'ticks' | 'damage' }>;

/** Type of each member but `kind`; `mode` is one of `MODES`. */
const MEMBERS: Record<SmallRecord['kind'], Readonly<Record<string, 'number' | 'boolean' | 'string' | 'mode'>>> = {
  feed: { source: 'number', epoch: 'number', up: 'boolean', atMs: 'number' },
  finalise: { source: 'number', upToMs: 'number' },
  mode: { mode: 'mode', epoch: 'number', atMs: 'number', switched: 'boolean' },
  source: { id: 'number', mode: 'mode', exchange: 'string' },
  symbol: { id: 'number', name: 'string' },
};

function parseRecord(json: string): SmallRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  return isSmallRecord(value) ? value : null;
}

function isSmallRecord(value: unknown): value is SmallRecord {
  if (typeof value !== 'object' || value === null) return false;
  const found: Readonly<Record<string, unknown>> = { ...value };
  for (const [kind, members] of Object.entries(MEMBERS)) {
    if (kind === found['kind']) return Object.entries(members).every(([name, type]) => isOf(found[name], type));
  }
  return false;
}

function isOf(value: unknown, type: 'number' | 'boolean' | 'string' | 'mode'): boolean {
  if (type === 'mode') return MODES.some((mode) => mode === value);
  return typeof value === type;
}
