import type { SymbolEntry } from '../../../application/port/in/tick-intake.ts';
import { PROVISIONAL_SYMBOL } from '../../../domain/model/tick-batch.ts';

/** A key is a name's bytes as 2^3 32-bit words, padded with zeros. */
export const KEY_SHIFT = 3;
const KEY_WORDS = 1 << KEY_SHIFT;
const MAX_NAME_BYTES = KEY_WORDS * 4;
/** The hash covers at least so many words, so that a caller with up to 11 bytes need not ask how many there are. */
const HASH_WORDS = 3;
const QUOTES = 0x22222222;

/** What an open table (`*`) takes as a name: upper case, because answers know names by their upper-case form. */
const OPEN_NAME = /^[A-Z0-9:_\-./]{1,32}$/;

/**
 * Accepted symbol names → ids, looked up straight from wire bytes without making a string: names of up to 32
 * bytes sit in a hash table of 32-bit words. Longer ones, and those that JSON writes with escapes, are only known
 * to `find`.
 */
export class SymbolTable {
  /** New names that may still be proposed; 0 = the list is closed. */
  room: number;
  private readonly ids = new Map<string, number>();
  /** By `hashSlot`, modulo its length: place of a name, -1 = none; of two with one hash the second is in the next slot. */
  readonly slots: Int16Array;
  /** By place: 2^`KEY_SHIFT` words of the name's key, its length in bytes, its id. */
  readonly words: Int32Array;
  readonly lengths: Uint8Array;
  readonly wireIds: Uint16Array;
  private placed = 0;

  /** `limit`: how many names it will ever hold. */
  constructor(limit: number, entries: readonly SymbolEntry[] = [], open = false) {
    this.slots = new Int16Array(1 << (34 - Math.clz32(Math.max(1, limit - 1)))).fill(-1);
    this.words = new Int32Array(limit * KEY_WORDS);
    this.lengths = new Uint8Array(limit);
    this.wireIds = new Uint16Array(limit);
    for (const entry of entries) this.add(entry);
    this.room = open ? limit - this.ids.size : 0;
  }

  get size(): number {
    return this.ids.size;
  }

  add(entry: SymbolEntry): void {
    this.ids.set(entry.name, entry.id);
    if (this.room > 0) this.room--;
    const bytes = new TextEncoder().encode(entry.name);
    if (bytes.length > MAX_NAME_BYTES || JSON.stringify(entry.name) !== `"${entry.name}"`) return;
    const place = this.placed++;
    const padded = new Uint8Array(MAX_NAME_BYTES);
    padded.set(bytes);
    const key = new Int32Array(padded.buffer);
    this.words.set(key, place << KEY_SHIFT);
    this.lengths[place] = bytes.length;
    this.wireIds[place] = entry.id;
    let hash = 0;
    const hashed = Math.max(HASH_WORDS, (bytes.length + 3) >> 2);
    for (let i = 0; i < hashed; i++) hash = mix(hash, key[i] ?? 0);
    const mask = this.slots.length - 1;
    let slot = hashSlot(hash) & mask;
    while ((this.slots[slot] ?? -1) >= 0) slot = (slot + 1) & mask;
    this.slots[slot] = place;
  }

  /** Id of a decoded name; a provisional id when it is new and may be proposed (it joins `proposed`); else -1. */
  find(name: string, proposed: string[]): number {
    const id = this.ids.get(name);
    if (id !== undefined) return id;
    if (this.room === 0 || !OPEN_NAME.test(name)) return -1;
    const known = proposed.indexOf(name);
    if (known >= 0) return PROVISIONAL_SYMBOL + known;
    if (proposed.length >= this.room) return -1;
    return PROVISIONAL_SYMBOL + proposed.push(name) - 1;
  }

  /**
   * The name that starts at `from` and ends before the next quote, as `(length << 16) | id`; -1 when it is not in the
   * table. Reads up to 4 bytes past the quote.
   */
  match(view: DataView, from: number): number {
    let hash = 0;
    let at = from;
    let word = 0;
    let quote = 0;
    let k = 0;
    for (; k < KEY_WORDS; k++) {
      word = view.getInt32(at, true);
      quote = quoteMarks(word);
      if (quote !== 0) break;
      hash = mix(hash, word);
      at += 4;
    }
    let length = k << 2;
    let hashed = k;
    if (quote !== 0) {
      const rest = bytesBefore(quote);
      length += rest;
      word &= (1 << (rest << 3)) - 1;
      if (rest !== 0) {
        hash = mix(hash, word);
        hashed++;
      }
    } else if (view.getUint8(at) !== 0x22) return -1;
    for (; hashed < HASH_WORDS; hashed++) hash = mix(hash, 0);
    const { slots, words } = this;
    const mask = slots.length - 1;
    // At most half of the slots are taken, so an empty one ends the search.
    for (let slot = hashSlot(hash) & mask; ; slot = (slot + 1) & mask) {
      const place = slots[slot]!;
      if (place < 0) return -1;
      if (this.lengths[place] !== length) continue;
      const base = place << KEY_SHIFT;
      let same = (length & 3) === 0 || words[base + k] === word;
      for (let i = 0; same && i < k; i++) same = words[base + i] === view.getInt32(from + (i << 2), true);
      if (same) return (length << 16) | this.wireIds[place]!;
    }
  }
}

export function mix(hash: number, word: number): number {
  return Math.imul(hash ^ word, 0x9e3779b1);
}

export function hashSlot(hash: number): number {
  return hash ^ (hash >>> 15);
}

/** Of four characters as a little-endian word: the lowest set bit is the highest of the first byte that is a quote. */
export function quoteMarks(word: number): number {
  const x = word ^ QUOTES;
  return (x - 0x01010101) & ~x & -0x7f7f7f80;
}

/** How many characters of the word come before the first mark, of one at least. */
export function bytesBefore(marks: number): number {
  return (31 - Math.clz32(marks & -marks)) >> 3;
}
