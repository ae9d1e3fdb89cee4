import { FAULTS, type FaultCounts, type FaultKind, type FaultPlan } from './faults.ts';
import { isSpoiling, type LineParts, SPOILED_AS, type SpoilingKind, spoiledLine } from './faulty-line.ts';
import type { LineRenderer } from './line-renderer.ts';
import { type Draw, drawBelow, drawOne, seededDraw } from './seeded-random.ts';
import type { Expectation, SentLine } from './sent-batch.ts';
import type { TickColumns, TickSource } from './tick-source.ts';

/** A batch as one connection gets it. */
export interface FaultyBatch {
  readonly bytes: Buffer;
  readonly lineCount: number;
  /** Null unless asked for. */
  readonly lines: readonly SentLine[] | null;
  /** Ranges of `bytes` to be written in small pieces, ascending. */
  readonly splits: readonly SplitRange[];
  /** What the connection does after `bytes`. The rest of the ticks is lost to it. */
  readonly after: 'go on' | 'disconnect' | 'stall';
}

export interface SplitRange {
  readonly startByte: number;
  readonly endByte: number;
}

export interface FaultInjectorOptions {
  readonly plan: FaultPlan;
  /** The same key gives the same faults at the same ticks. */
  readonly seedKey: string;
  readonly source: TickSource;
  readonly renderer: LineRenderer;
  readonly withQuantity: boolean;
  readonly ticksPerSecond: number;
  readonly counts: FaultCounts;
  readonly listLines: boolean;
}

const BLANK_LINES: readonly [string, ...string[]] = ['', ' ', '\t', ' \t ', '\r'];
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** Turns ticks into the lines of one connection, faults included: at most one fault a line, drawn from the seed. */
export class FaultInjector {
  readonly #options: FaultInjectorOptions;
  readonly #draw: Draw;
  readonly #lineKinds: readonly FaultKind[];
  readonly #lineBounds: readonly number[];
  readonly #symbols: ReadonlySet<string>;
  readonly #ticksPerDraw: number;
  #ticks = 0;
  #goodSent = false;

  #bytes = Buffer.alloc(0);
  #length = 0;
  #lineCount = 0;
  #lines: SentLine[] = [];
  #splits: SplitRange[] = [];

  constructor(options: FaultInjectorOptions) {
    this.#options = options;
    this.#draw = seededDraw(options.seedKey);
    this.#symbols = new Set(options.source.symbols);
    this.#ticksPerDraw = Math.max(1, Math.round(options.ticksPerSecond));
    this.#lineKinds = [...options.plan.keys()].filter((kind) => FAULTS[kind].per === 'line');
    let bound = 0;
    this.#lineBounds = this.#lineKinds.map((kind) => {
      bound += options.plan.get(kind)?.probability ?? 0;
      return bound;
    });
  }

  compose(ticks: TickColumns): FaultyBatch {
    this.#bytes = Buffer.allocUnsafe(ticks.count * this.#options.renderer.maxLineBytes + 1_024);
    this.#length = 0;
    this.#lineCount = 0;
    this.#lines = [];
    this.#splits = [];
    let after: FaultyBatch['after'] = 'go on';
    for (let row = 0; row < ticks.count; row++) {
      after = this.#drawConnectionFault();
      if (after !== 'go on') break;
      this.#ticks++;
      this.#addTick(ticks, row);
    }
    return {
      bytes: this.#bytes.subarray(0, this.#length),
      lineCount: this.#lineCount,
      lines: this.#options.listLines ? this.#lines : null,
      splits: this.#splits,
      after,
    };
  }

  #drawConnectionFault(): FaultyBatch['after'] {
    if (this.#ticks === 0 || this.#ticks % this.#ticksPerDraw !== 0) return 'go on';
    for (const kind of ['disconnect', 'stall'] as const) {
      const setting = this.#options.plan.get(kind);
      if (setting === undefined || this.#draw() >= setting.probability) continue;
      this.#ticks++;
      this.#options.counts[kind]++;
      return kind;
    }
    return 'go on';
  }

  #drawLineFault(): FaultKind | null {
    if (this.#lineKinds.length === 0) return null;
    const drawn = this.#draw();
    const index = this.#lineBounds.findIndex((bound) => drawn < bound);
    const kind = this.#lineKinds[index] ?? null;
    // A source's first tick is never late: its watermark comes from the good ticks before.
    return kind === 'late' && !this.#goodSent ? null : kind;
  }

  #addTick(ticks: TickColumns, row: number): void {
    const kind = this.#drawLineFault();
    if (kind !== null && isSpoiling(kind)) {
      this.#addSpoiled(kind, ticks, row);
      return;
    }
    if (kind === 'blank') this.#addBytes(Buffer.from(drawOne(this.#draw, BLANK_LINES)), 'blank', 'blank');
    const standard = row >= ticks.burstFrom ? 'burst' : null;
    this.#addGood(kind === null || kind === 'blank' || kind === 'duplicate' ? standard : kind, ticks, row);
    if (kind !== 'duplicate') return;
    this.#addGood('duplicate', ticks, row, this.#options.withQuantity ? 'duplicate' : 'tick');
  }

  #addGood(fault: FaultKind | null, ticks: TickColumns, row: number, expect: Expectation = 'tick'): void {
    const { renderer, plan } = this.#options;
    this.#reserve(renderer.maxLineBytes);
    let eventAtMs = ticks.eventAtMs[row] ?? 0;
    if (fault === 'reorder') eventAtMs -= drawBelow(this.#draw, plan.get(fault)?.parameter ?? 1);
    const startByte = this.#length;
    const endByte = renderer.writeObject(this.#bytes, startByte, ticks, row, eventAtMs);
    this.#length = endByte;
    if (fault === 'crlf') this.#bytes[this.#length++] = CARRIAGE_RETURN;
    this.#bytes[this.#length++] = NEWLINE;
    if (fault === 'split') this.#splits.push({ startByte, endByte: this.#length });
    this.#goodSent = true;
    this.#count(startByte, endByte, fault, expect);
  }

  #addSpoiled(kind: SpoilingKind, ticks: TickColumns, row: number): void {
    const { plan } = this.#options;
    const bytes = spoiledLine(
      kind,
      plan.get(kind)?.parameter ?? 0,
      this.#partsOf(ticks, row),
      this.#draw,
      this.#symbols,
    );
    this.#addBytes(bytes, kind, SPOILED_AS[kind]);
  }

  /** Spoiled lines are rare: their values are taken from the good line, so that both are written by the same hand. */
  #partsOf(ticks: TickColumns, row: number): LineParts {
    const { renderer, source } = this.#options;
    const scratch = Buffer.allocUnsafe(renderer.maxLineBytes);
    const eventAtMs = ticks.eventAtMs[row] ?? 0;
    const text = scratch.toString('utf8', 0, renderer.writeObject(scratch, 0, ticks, row, eventAtMs));
    const symbol = source.symbols[ticks.symbol[row] ?? 0] ?? '';
    const [, price = '', tail = ''] = /,"price":([\d.]+),"timestamp":\d+(.*)}$/.exec(text) ?? [];
    return { symbol, price, eventAtMs, tail };
  }

  #addBytes(bytes: Buffer, fault: FaultKind, expect: Expectation): void {
    this.#reserve(bytes.length + 1);
    const startByte = this.#length;
    bytes.copy(this.#bytes, startByte);
    this.#length += bytes.length;
    this.#bytes[this.#length++] = NEWLINE;
    this.#count(startByte, startByte + bytes.length, fault, expect);
  }

  #count(startByte: number, endByte: number, fault: FaultKind | null, expect: Expectation): void {
    this.#lineCount++;
    if (fault !== null) this.#options.counts[fault]++;
    if (this.#options.listLines) this.#lines.push({ startByte, endByte, fault, expect });
  }

  #reserve(extraBytes: number): void {
    if (this.#length + extraBytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + extraBytes));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
