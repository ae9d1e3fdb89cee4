import type { DamageRecord, LogEntry } from '../../../domain/model/log-record.ts';
import { TickBatch } from '../../../domain/model/tick-batch.ts';
import type { FileOps } from './file-ops.ts';
import { decodeRecord } from './record-codec.ts';
import { HEADER_BYTES, KIND_CODE, NO_SOURCE, type RecordHeader } from './record-layout.ts';
import { SegmentScanner } from './segment-scanner.ts';
import { systemCode } from './tick-log-error.ts';

export interface ReadRequest {
  readonly ops: FileOps;
  /** As they were at the call, oldest first. */
  readonly segments: readonly { readonly path: string; readonly firstPosition: number; readonly bytes: number }[];
  /** First and last position to yield. */
  readonly fromPosition: number;
  readonly toPosition: number;
  readonly onDamage: (position: number, damage: DamageRecord) => void;
  /** Segments that begin before this position are not read again. */
  readonly onSegment: (firstPosition: number) => void;
}

/** Yields every position of the request once: as its record, or within a damage that ends at the yielded position. */
export async function* readRecords(request: ReadRequest): AsyncGenerator<LogEntry, void, undefined> {
  const { segments, toPosition } = request;
  let batch = new TickBatch(1024);
  const batchOf = (capacity: number): TickBatch => {
    if (batch.capacity < capacity) batch = new TickBatch(2 ** Math.ceil(Math.log2(capacity)));
    return batch;
  };
  let expected = request.fromPosition;

  for (let index = firstIndex(request); index < segments.length && expected <= toPosition; index++) {
    request.onSegment(segments[index]?.firstPosition ?? 0);
    const scanner = await openSegment(request, index, HEADER_BYTES);
    if (scanner === null) continue;
    try {
      while (expected <= toPosition && (await scanner.next())) {
        const { header } = scanner;
        const { position } = header;
        if (position > toPosition) break;
        if (position >= expected) {
          if (position > expected) yield damaged(request, position - 1, unknownDamage(position - expected));
          expected = position + 1;
          const payloadAt = await scanner.payload();
          const record = payloadAt === null ? null : decodeRecord(scanner.window, payloadAt, header, batchOf);
          yield record === null ? damaged(request, position, knownDamage(header)) : { position, record };
        }
      }
    } finally {
      await scanner.close();
    }
  }
  if (expected <= toPosition) {
    yield damaged(request, toPosition, unknownDamage(toPosition - expected + 1));
  }
}

/** The last segment that may hold `fromPosition`. */
function firstIndex({ segments, fromPosition }: ReadRequest): number {
  const index = segments.findLastIndex((segment) => segment.firstPosition <= fromPosition);
  return Math.max(0, index);
}

/** Null if the file is gone: what it held is then missing. */
async function openSegment(request: ReadRequest, index: number, fromOffset: number): Promise<SegmentScanner | null> {
  const segment = request.segments[index];
  if (segment === undefined) return null;
  const next = request.segments[index + 1];
  try {
    return await SegmentScanner.open(request.ops, {
      path: segment.path,
      fromOffset,
      endOffset: segment.bytes,
      minPosition: segment.firstPosition,
      maxPosition: next === undefined ? Number.MAX_SAFE_INTEGER : next.firstPosition - 1,
    });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function hasEventTimes(header: RecordHeader): boolean {
  return header.kindCode === KIND_CODE.ticks && header.minEventAtMs <= header.maxEventAtMs;
}

function damaged(request: ReadRequest, position: number, damage: DamageRecord): LogEntry {
  request.onDamage(position, damage);
  return { position, record: damage };
}

function unknownDamage(batches: number): DamageRecord {
  return { kind: 'damage', batches, ticks: 0, source: null, fromMs: null, toMs: null };
}

function knownDamage(header: RecordHeader): DamageRecord {
  const isLocated = hasEventTimes(header);
  return {
    kind: 'damage',
    batches: 1,
    ticks: header.ticks,
    source: header.source === NO_SOURCE ? null : header.source,
    fromMs: isLocated ? header.minEventAtMs : null,
    toMs: isLocated ? header.maxEventAtMs : null,
  };
}
