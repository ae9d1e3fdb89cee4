import type { LogRecord } from '../../../domain/model/log-record.ts';
import { encodeRecord } from './record-codec.ts';
import { AlignedBytes, HEADER_BYTES } from './record-layout.ts';

/** One append that has not settled. */
export interface Appending {
  readonly resolve: (position: number) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Records that are written together: encoded one behind the other, after room for the header of a new segment.
 * One group gathers while the other is on its way to the disk.
 */
export class WriteGroup {
  /** Larger only while a single record needs it. */
  readonly #capacityMaxBytes: number;
  #buffer: AlignedBytes;
  #usedBytes = HEADER_BYTES;
  #appends: Appending[] = [];
  #firstPosition = 0;

  constructor(capacityBytes: number, capacityMaxBytes: number) {
    this.#capacityMaxBytes = capacityMaxBytes;
    this.#buffer = new AlignedBytes(capacityBytes);
  }

  get buffer(): AlignedBytes {
    return this.#buffer;
  }
  /** End of the records in `buffer`; they begin at `HEADER_BYTES`. */
  get endAt(): number {
    return this.#usedBytes;
  }
  get recordBytes(): number {
    return this.#usedBytes - HEADER_BYTES;
  }
  get records(): number {
    return this.#appends.length;
  }
  get firstPosition(): number {
    return this.#firstPosition;
  }
  get lastPosition(): number {
    return this.#firstPosition + this.#appends.length - 1;
  }

  hasRoomFor(boundBytes: number): boolean {
    return this.#appends.length === 0 || this.#usedBytes + boundBytes <= this.#capacityMaxBytes;
  }

  add(position: number, record: LogRecord, boundBytes: number, append: Appending): void {
    this.#reserve(boundBytes);
    const bytes = encodeRecord(this.#buffer, this.#usedBytes, position, record);
    if (this.#appends.length === 0) this.#firstPosition = position;
    this.#usedBytes += bytes;
    this.#appends.push(append);
  }

  /** All appends, in order, have happened; the group is empty again. */
  resolveAll(): void {
    const appends = this.#appends;
    this.#clear();
    let position = this.#firstPosition;
    for (const append of appends) append.resolve(position++);
  }

  rejectAll(error: Error): void {
    const appends = this.#appends;
    this.#clear();
    for (const append of appends) append.reject(error);
  }

  #clear(): void {
    this.#appends = [];
    this.#usedBytes = HEADER_BYTES;
    if (this.#buffer.bytes.length > this.#capacityMaxBytes) this.#buffer = new AlignedBytes(this.#capacityMaxBytes);
  }

  #reserve(boundBytes: number): void {
    const neededBytes = this.#usedBytes + boundBytes;
    const capacityBytes = this.#buffer.bytes.length;
    if (neededBytes <= capacityBytes) return;
    const doubledBytes = Math.min(capacityBytes * 2, this.#capacityMaxBytes);
    const grown = new AlignedBytes((Math.max(doubledBytes, neededBytes) + 7) & ~7);
    grown.bytes.set(this.#buffer.bytes.subarray(0, this.#usedBytes));
    this.#buffer = grown;
  }
}
