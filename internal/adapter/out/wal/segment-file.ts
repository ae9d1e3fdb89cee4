import { join } from 'node:path';
import type { FileOps } from './file-ops.ts';
import { AlignedBytes, FORMAT_VERSION, HEADER_BYTES, segmentVersion } from './record-layout.ts';
import { TickLogError } from './tick-log-error.ts';

/** A file of the log. Its first position is its name, so no file has to be read to know what another holds. */
export interface Segment {
  readonly path: string;
  readonly firstPosition: number;
  /** Below `firstPosition` while the segment is empty. */
  lastPosition: number;
  /** Written and whole; the file may be longer while a write is on its way. */
  bytes: number;
  /** When the newest record was written, Unix ms. */
  newestAtMs: number;
}

/** Digits of 2^53. */
const NAME_DIGITS = 16;
const NAME = /^([0-9]{16})\.ticks$/;

export function segmentPath(dir: string, firstPosition: number): string {
  return join(dir, `${String(firstPosition).padStart(NAME_DIGITS, '0')}.ticks`);
}

/** The folder's segments in order; files of other names are none of ours. Throws `newer_format`. */
export async function listSegments(ops: FileOps, dir: string): Promise<Segment[]> {
  const firstPositions = (await ops.list(dir))
    .map((name) => NAME.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
  const segments: Segment[] = [];
  for (const [index, firstPosition] of firstPositions.entries()) {
    const path = segmentPath(dir, firstPosition);
    const { bytes, modifiedAtMs } = await ops.stat(path);
    const next = firstPositions[index + 1];
    const lastPosition = next === undefined ? firstPosition - 1 : next - 1;
    await refuseNewerFormat(ops, path);
    segments.push({ path, firstPosition, lastPosition, bytes, newestAtMs: modifiedAtMs });
  }
  return segments;
}

async function refuseNewerFormat(ops: FileOps, path: string): Promise<void> {
  const header = new AlignedBytes(HEADER_BYTES);
  const fd = await ops.open(path, 'read');
  try {
    await readFully(ops, fd, header.bytes, 0, HEADER_BYTES, 0);
  } finally {
    await ops.close(fd);
  }
  refuseNewerVersion(segmentVersion(header) ?? FORMAT_VERSION, path);
}

export function refuseNewerVersion(version: number, path: string): void {
  if (version <= FORMAT_VERSION) return;
  throw new TickLogError(
    'newer_format',
    `tick log: ${path} has format version ${version}, this program knows up to ${FORMAT_VERSION}`,
  );
}

/** Reads up to `bytes`, fewer only at the end of the file; returns how many. */
export async function readFully(
  ops: FileOps,
  fd: number,
  into: Uint8Array,
  at: number,
  bytes: number,
  fileOffset: number,
): Promise<number> {
  let done = 0;
  while (done < bytes) {
    const moved = await ops.read(fd, into, at + done, bytes - done, fileOffset + done);
    if (moved === 0) break;
    done += moved;
  }
  return done;
}
