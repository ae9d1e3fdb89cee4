import { Reason } from '../../domain/model/rejection.ts';
import { PROVISIONAL_SYMBOL, type TickBatch } from '../../domain/model/tick-batch.ts';
import type { AcceptedSymbols, SymbolEntry } from '../port/in/tick-intake.ts';

/** The accepted names and their ids. Ids are given once and stay, over restarts. */
export class SymbolDirectory implements AcceptedSymbols {
  readonly limit: number;
  readonly open: boolean;
  private readonly accepted = new Map<string, number>();
  private readonly listeners: ((entry: SymbolEntry) => void)[] = [];
  private nextId: number;

  /** `known`: every name that ever had an id, index = id. Of an open directory all of them are accepted. */
  constructor(known: readonly string[], names: readonly string[] | '*', limit: number) {
    this.limit = limit;
    this.open = names === '*';
    this.nextId = known.length;
    const accepted = names === '*' ? new Set(known) : new Set(names);
    for (const [id, name] of known.entries())
      if (accepted.has(name) && this.accepted.size < limit) this.accepted.set(name, id);
  }

  /** Accepts `name`, under a new id if it has none. Null: it is there already, or the directory is full. */
  add(name: string): SymbolEntry | null {
    if (this.accepted.has(name) || this.accepted.size >= this.limit) return null;
    const entry = { name, id: this.nextId++ };
    this.accepted.set(name, entry.id);
    for (const listener of this.listeners) listener(entry);
    return entry;
  }

  idOf(name: string): number | undefined {
    return this.accepted.get(name);
  }

  get size(): number {
    return this.accepted.size;
  }

  names(): string[] {
    return [...this.accepted.keys()];
  }

  entries(): readonly SymbolEntry[] {
    return [...this.accepted].map(([name, id]) => ({ name, id }));
  }

  onAdded(listener: (entry: SymbolEntry) => void): void {
    this.listeners.push(listener);
  }

  /** Puts real ids in place of the batch's provisional ones; rows whose name found no place become `unknown_symbol`. */
  resolve(batch: TickBatch): void {
    const ids = batch.newSymbols.map((name) => this.accepted.get(name) ?? -1);
    let kept = 0;
    for (let row = 0; row < batch.count; row++) {
      const symbol = batch.symbol[row] ?? 0;
      const id = symbol < PROVISIONAL_SYMBOL ? symbol : (ids[symbol - PROVISIONAL_SYMBOL] ?? -1);
      if (id < 0) continue;
      batch.symbol[kept] = id;
      batch.price[kept] = batch.price[row] ?? 0;
      batch.eventAtMs[kept] = batch.eventAtMs[row] ?? 0;
      batch.quantity[kept] = batch.quantity[row] ?? 0;
      batch.tradeId[kept] = batch.tradeId[row] ?? 0;
      kept++;
    }
    batch.rejected[Reason.unknown_symbol] = (batch.rejected[Reason.unknown_symbol] ?? 0) + batch.count - kept;
    batch.count = kept;
    batch.newSymbols = [];
  }
}
