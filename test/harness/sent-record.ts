import assert from 'node:assert/strict';
import { linesOf, type OnSent } from '../../cmd/testgen/sent-batch.ts';
import type { OracleTick } from './log-oracle.ts';

interface SentCopy {
  readonly exchange: string;
  readonly connection: number;
  readonly bytes: Buffer;
  /** [start, end) of the lines that are well-formed ticks, whatever else they are. */
  readonly lines: readonly (readonly [number, number])[];
}

/** Reasons that only the receiver's own state decides: such a line is in the tick log like a good one. */
const DECIDED_LATER = new Set(['tick', 'duplicate', 'late']);

/** Everything that emulators of this process sent, and which of it was accepted. */
export class SentRecord {
  /** Frames (blank lines not counted) by exchange and connection. */
  readonly frames = new Map<string, number>();
  private readonly copies: SentCopy[] = [];
  private unclaimed: Map<string, number> | null = null;

  /** Keeps a copy: parsing has time later. */
  readonly onSent: OnSent = (batch) => {
    const lines: [number, number][] = [];
    let frames = 0;
    for (const { startByte, endByte, expect } of linesOf(batch)) {
      if (expect !== 'blank') frames++;
      if (DECIDED_LATER.has(expect)) lines.push([startByte, endByte]);
    }
    const { exchange, connection } = batch;
    const key = `${exchange} ${connection}`;
    this.frames.set(key, (this.frames.get(key) ?? 0) + frames);
    this.copies.push({ exchange, connection, bytes: Buffer.from(batch.bytes), lines });
  };

  get tickCount(): number {
    return this.copies.reduce((sum, { lines }) => sum + lines.length, 0);
  }

  /** Fails unless the tick was sent, and once more than it was claimed before. */
  claim(tick: OracleTick): void {
    this.unclaimed ??= this.index();
    const key = keyOf(tick.exchange, tick.symbol, tick.price, tick.eventAtMs, tick.tradeId, tick.quantity);
    const left = this.unclaimed.get(key) ?? 0;
    assert.ok(left > 0, `accepted and not sent, or accepted more often than sent: ${key}`);
    this.unclaimed.set(key, left - 1);
  }

  private index(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { exchange, bytes, lines } of this.copies) {
      for (const [startByte, endByte] of lines) {
        const tick = JSON.parse(bytes.toString('utf8', startByte, endByte));
        const { symbol, price, timestamp, tradeId = -1, quantity = Number.NaN } = tick;
        const key = keyOf(exchange, symbol, price, timestamp, tradeId, quantity);
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    this.copies.length = 0;
    return counts;
  }
}

function keyOf(exchange: string, symbol: string, price: number, atMs: number, id: number, quantity: number): string {
  return `${exchange} ${symbol} ${price} ${atMs} ${id} ${quantity}`;
}
