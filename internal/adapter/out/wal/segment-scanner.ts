import type { FileOps } from './file-ops.ts';
import { isPayloadIntact } from './record-codec.ts';
import {
  AlignedBytes,
  emptyHeader,
  HEADER_BYTES,
  RECORD_MAGIC_BYTES,
  type RecordHeader,
  readRecordHeader,
} from './record-layout.ts';
import { readFully, refuseNewerVersion } from './segment-file.ts';

const CHUNK_BYTES = 1024 * 1024;

/** Where a scan goes: `[fromOffset, endOffset)` of a file, for positions in `[minPosition, maxPosition]`. */
export interface ScanRange {
  readonly path: string;
  readonly fromOffset: number;
  readonly endOffset: number;
  readonly minPosition: number;
  readonly maxPosition: number;
}

/**
 * Steps from record to record of one segment, over whatever is no record: after bad bytes it looks for the next header
 * that its CRC confirms and whose position is higher than the last one's. What it missed shows in the positions.
 */
export class SegmentScanner {
  /** Of the record found. */
  readonly header: RecordHeader = emptyHeader();
  recordOffset = 0;
  /** Just behind the record. */
  nextOffset: number;

  readonly #ops: FileOps;
  readonly #fd: number;
  readonly #range: ScanRange;
  readonly #headerBytes = new AlignedBytes(HEADER_BYTES);
  #window: AlignedBytes;
  #windowOffset = 0;
  #windowBytes = 0;
  #minPosition: number;
  /** Where to look on if there is no header at `nextOffset`. */
  #resyncOffset: number;

  private constructor(ops: FileOps, fd: number, range: ScanRange) {
    this.#ops = ops;
    this.#fd = fd;
    this.#range = range;
    this.#window = new AlignedBytes(CHUNK_BYTES);
    this.nextOffset = range.fromOffset;
    this.#resyncOffset = range.fromOffset;
    this.#minPosition = range.minPosition;
  }

  static async open(ops: FileOps, range: ScanRange): Promise<SegmentScanner> {
    return new SegmentScanner(ops, await ops.open(range.path, 'read'), range);
  }

  close(): Promise<void> {
    return this.#ops.close(this.#fd);
  }

  /** Goes to the next record; false at the end. Throws `newer_format`. */
  async next(): Promise<boolean> {
    if (!(await this.#isHeader(this.nextOffset)) && !(await this.#resync())) return false;
    const { header } = this;
    refuseNewerVersion(header.version, this.#range.path);
    const endOffset = this.recordOffset + HEADER_BYTES + header.payloadBytes;
    this.#minPosition = header.position + 1;
    this.#resyncOffset = this.recordOffset + HEADER_BYTES;
    this.nextOffset = endOffset;
    return true;
  }

  /** Loads and checks the payload of the record found; its place in `window`, or null if it is damaged. */
  async payload(): Promise<number | null> {
    const { recordOffset, header } = this;
    const bytes = HEADER_BYTES + header.payloadBytes;
    if (recordOffset + bytes > this.#range.endOffset || !(await this.#load(recordOffset, bytes))) return null;
    if ((recordOffset - this.#windowOffset) % 8 !== 0) await this.#fill(recordOffset, bytes);
    const payloadAt = recordOffset - this.#windowOffset + HEADER_BYTES;
    if (!isPayloadIntact(this.#window, payloadAt, header)) return null;
    this.#resyncOffset = this.nextOffset;
    return payloadAt;
  }

  /** Bytes read last; valid until the next step. */
  get window(): AlignedBytes {
    return this.#window;
  }

  async #isHeader(offset: number): Promise<boolean> {
    if (!(await this.#load(offset, HEADER_BYTES))) return false;
    const at = offset - this.#windowOffset;
    this.#headerBytes.bytes.set(this.#window.bytes.subarray(at, at + HEADER_BYTES));
    if (!readRecordHeader(this.#headerBytes, this.header)) return false;
    const { position } = this.header;
    if (!(position >= this.#minPosition && position <= this.#range.maxPosition)) return false;
    this.recordOffset = offset;
    return true;
  }

  async #resync(): Promise<boolean> {
    let offset = this.#resyncOffset;
    while (await this.#load(offset, HEADER_BYTES)) {
      const held = this.#window.bytes.subarray(0, this.#windowBytes);
      const foundAt = held.indexOf(RECORD_MAGIC_BYTES, offset - this.#windowOffset);
      if (foundAt < 0) {
        offset = this.#windowOffset + this.#windowBytes - (RECORD_MAGIC_BYTES.length - 1);
        continue;
      }
      offset = this.#windowOffset + foundAt;
      if (await this.#isHeader(offset)) return true;
      offset++;
    }
    return false;
  }

  /** True once `[offset, offset + bytes)` of the file is in the window. */
  async #load(offset: number, bytes: number): Promise<boolean> {
    if (offset >= this.#windowOffset && offset + bytes <= this.#windowOffset + this.#windowBytes) return true;
    if (offset + bytes > this.#range.endOffset) return false;
    await this.#fill(offset, bytes);
    return this.#windowBytes >= bytes;
  }

  async #fill(offset: number, bytes: number): Promise<void> {
    if (bytes > this.#window.bytes.length) this.#window = new AlignedBytes((bytes + 7) & ~7);
    const wantedBytes = Math.min(this.#window.bytes.length, this.#range.endOffset - offset);
    this.#windowBytes = await readFully(this.#ops, this.#fd, this.#window.bytes, 0, wantedBytes, offset);
    this.#windowOffset = offset;
  }
}
