import { crc32 } from 'node:zlib';
import type { LogRecord } from '../../../domain/model/log-record.ts';

/**
 * A segment is a header of 64 bytes and records; a record is a header of 64 bytes and a payload. All lengths are
 * multiples of 8 and all values little-endian, so that columns are copied through typed-array views.
 *
 *   record header                            segment header
 *    0 u32 magic                              0 u32 magic
 *    4 u8  version, u8 kind, u16 flags        4 u8  version
 *    8 f64 position                           8 f64 first position
 *   16 u32 payload bytes                     16 … 59 zero
 *   20 u32 payload CRC                       60 u32 CRC of the 60 bytes before
 *   24 u32 source (NO_SOURCE: none)
 *   28 u32 epoch
 *   32 u32 ticks
 *   36 u32 frames
 *   40 f64 oldest event time, Unix ms
 *   48 f64 newest event time, Unix ms
 *   56 u32 zero
 *   60 u32 CRC of the 60 bytes before
 *
 * Magic, version and CRC keep their places in every later version.
 */
export const FORMAT_VERSION = 1;
export const HEADER_BYTES = 64;
export const NO_SOURCE = 0xffff_ffff;
/** A record is at most this long; about 900,000 ticks. */
export const MAX_PAYLOAD_BYTES = 32 * 1024 * 1024;

const HEADER_CRC_AT = 60;
const RECORD_MAGIC = 0xa746_4df1;
const SEGMENT_MAGIC = 0xa753_4df1;
export const RECORD_MAGIC_BYTES = Buffer.from([0xf1, 0x4d, 0x46, 0xa7]);

export type WrittenKind = Exclude<LogRecord['kind'], 'damage'>;

export const KIND_CODE: Record<WrittenKind, number> = { ticks: 1, feed: 2, finalise: 3, mode: 4, source: 5, symbol: 6 };

/** Bytes at an 8-byte boundary, with the views that columns are copied through. */
export class AlignedBytes {
  readonly bytes: Buffer;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;

  /** `capacityBytes` is a multiple of 8. */
  constructor(capacityBytes: number) {
    const memory = new ArrayBuffer(capacityBytes);
    this.bytes = Buffer.from(memory);
    this.u16 = new Uint16Array(memory);
    this.u32 = new Uint32Array(memory);
    this.f64 = new Float64Array(memory);
  }
}

export interface RecordHeader {
  version: number;
  kindCode: number;
  flags: number;
  position: number;
  payloadBytes: number;
  payloadCrc: number;
  source: number;
  epoch: number;
  ticks: number;
  frames: number;
  minEventAtMs: number;
  maxEventAtMs: number;
}

export function emptyHeader(): RecordHeader {
  return {
    version: 0,
    kindCode: 0,
    flags: 0,
    position: 0,
    payloadBytes: 0,
    payloadCrc: 0,
    source: 0,
    epoch: 0,
    ticks: 0,
    frames: 0,
    minEventAtMs: 0,
    maxEventAtMs: 0,
  };
}

/** Writes the header of the record at `at` (a multiple of 8), whose payload is in place behind it. */
export function writeRecordHeader(target: AlignedBytes, at: number, header: RecordHeader): void {
  const { u32, f64, bytes } = target;
  const word = at >> 2;
  const double = at >> 3;
  const payloadAt = at + HEADER_BYTES;
  u32[word] = RECORD_MAGIC;
  u32[word + 1] = FORMAT_VERSION | (header.kindCode << 8) | (header.flags << 16);
  f64[double + 1] = header.position;
  u32[word + 4] = header.payloadBytes;
  u32[word + 5] = crc32(bytes.subarray(payloadAt, payloadAt + header.payloadBytes));
  u32[word + 6] = header.source;
  u32[word + 7] = header.epoch;
  u32[word + 8] = header.ticks;
  u32[word + 9] = header.frames;
  f64[double + 5] = header.minEventAtMs;
  f64[double + 6] = header.maxEventAtMs;
  u32[word + 14] = 0;
  u32[word + 15] = crc32(bytes.subarray(at, at + HEADER_CRC_AT));
}

/** True, with `into` filled, if `from` begins with a header that its CRC confirms. */
export function readRecordHeader(from: AlignedBytes, into: RecordHeader): boolean {
  const { u32, f64, bytes } = from;
  if (u32[0] !== RECORD_MAGIC) return false;
  if (u32[15] !== crc32(bytes.subarray(0, HEADER_CRC_AT))) return false;
  const packed = u32[1] ?? 0;
  into.version = packed & 0xff;
  into.kindCode = (packed >>> 8) & 0xff;
  into.flags = packed >>> 16;
  into.position = f64[1] ?? 0;
  into.payloadBytes = u32[4] ?? 0;
  into.payloadCrc = u32[5] ?? 0;
  into.source = u32[6] ?? 0;
  into.epoch = u32[7] ?? 0;
  into.ticks = u32[8] ?? 0;
  into.frames = u32[9] ?? 0;
  into.minEventAtMs = f64[5] ?? 0;
  into.maxEventAtMs = f64[6] ?? 0;
  return into.payloadBytes <= MAX_PAYLOAD_BYTES && into.payloadBytes % 8 === 0;
}

export function writeSegmentHeader(target: AlignedBytes, firstPosition: number, version = FORMAT_VERSION): void {
  const { u32, f64, bytes } = target;
  bytes.fill(0, 0, HEADER_BYTES);
  u32[0] = SEGMENT_MAGIC;
  u32[1] = version;
  f64[1] = firstPosition;
  u32[15] = crc32(bytes.subarray(0, HEADER_CRC_AT));
}

/** The format version of a segment, or null if its header is not intact. */
export function segmentVersion(header: AlignedBytes): number | null {
  const { u32, bytes } = header;
  if (u32[0] !== SEGMENT_MAGIC || u32[15] !== crc32(bytes.subarray(0, HEADER_CRC_AT))) return null;
  return (u32[1] ?? 0) & 0xff;
}
