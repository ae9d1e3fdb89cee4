import { intervalMsOf } from '../../domain/model/interval-text.ts';
import type { Mode } from '../../domain/model/mode.ts';
import type { MarketState } from '../../domain/service/market-state.ts';
import type { StreamErrorCode, TopicSelection } from '../port/in/market-stream.ts';
import type { MarketFeeds } from '../port/out/market-feeds.ts';
import type { SymbolDirectory } from './symbol-directory.ts';

const ALL = '*';

export type ParsedChannel =
  | { readonly kind: 'latest' | 'ticks' | 'health' }
  | { readonly kind: 'candles'; readonly intervalMs: number };

export interface Pair {
  readonly exchange: string;
  readonly symbol: string;
}

/** What was asked for, with names as they are known. */
export interface Selection {
  /** Equal for equal selections. */
  readonly key: string;
  /** As in topics: `latest`, `candles:1m`. */
  readonly channelName: string;
  readonly channel: ParsedChannel;
  readonly isWildcard: boolean;
  /** Named in full, whether or not there has been a tick. */
  readonly pairs: readonly Pair[];
  matches(pair: Pair): boolean;
}

export type Selected =
  | { readonly ok: true; readonly selection: Selection }
  | { readonly ok: false; readonly code: StreamErrorCode; readonly detail: string };

export interface SelectionParts {
  readonly state: MarketState;
  readonly feeds: MarketFeeds;
  readonly symbols: SymbolDirectory;
}

export function topicName(channelName: string, pair: Pair | null): string {
  return pair === null ? channelName : `${channelName}:${pair.exchange}:${pair.symbol}`;
}

/** Reads names as they may be written, and says which of them is not known. */
export function select({ channel: text, exchanges, symbols }: TopicSelection, parts: SelectionParts): Selected {
  const channel = parseChannel(text, parts.state.intervalsMs);
  if (channel === null) {
    return failure('unknown_channel', `there is no channel "${text}", or its interval is not kept`);
  }
  if (channel.kind === 'health') {
    const selection = { key: text, channelName: text, channel, isWildcard: false, pairs: [], matches: () => false };
    return { ok: true, selection };
  }
  const exchangeNames = namesOf(exchanges, (name) => name.toLowerCase());
  const symbolNames = namesOf(symbols, (name) => name.toUpperCase());
  const mode = parts.state.mode?.mode ?? 'test';
  for (const name of exchangeNames ?? []) {
    if (!isExchange(name, mode, parts)) {
      return failure('unknown_exchange', `exchange "${name}" is not one of ${mode} mode`);
    }
  }
  for (const name of symbolNames ?? []) {
    if (!isSymbol(name, parts)) return failure('unknown_symbol', `symbol "${name}" is not known`);
  }
  return { ok: true, selection: toSelection(text, channel, exchangeNames, symbolNames) };
}

/** Null stands for all. */
function toSelection(
  channelName: string,
  channel: ParsedChannel,
  exchanges: readonly string[] | null,
  symbols: readonly string[] | null,
): Selection {
  const isWildcard = exchanges === null || symbols === null;
  return {
    key: JSON.stringify([channelName, exchanges?.toSorted(), symbols?.toSorted()]),
    channelName,
    channel,
    isWildcard,
    pairs: isWildcard ? [] : exchanges.flatMap((exchange) => symbols.map((symbol) => ({ exchange, symbol }))),
    matches: ({ exchange, symbol }) =>
      (exchanges === null || exchanges.includes(exchange)) && (symbols === null || symbols.includes(symbol)),
  };
}

function parseChannel(text: string, intervalsMs: readonly number[]): ParsedChannel | null {
  if (text === 'latest' || text === 'ticks' || text === 'health') return { kind: text };
  const intervalMs = text.startsWith('candles:') ? intervalMsOf(text.slice('candles:'.length)) : null;
  return intervalMs !== null && intervalsMs.includes(intervalMs) ? { kind: 'candles', intervalMs } : null;
}

function namesOf(names: readonly string[], fold: (name: string) => string): readonly string[] | null {
  return names.includes(ALL) ? null : [...new Set(names.map(fold))];
}

function isExchange(name: string, mode: Mode, { state, feeds }: SelectionParts): boolean {
  return feeds.exchanges(mode).includes(name) || state.source(mode, name) !== undefined;
}

function isSymbol(name: string, { state, symbols }: SelectionParts): boolean {
  return (
    symbols.idOf(name) !== undefined ||
    state.knownSources().some((source) => state.instrument(source, name) !== undefined)
  );
}

function failure(code: StreamErrorCode, detail: string): Selected {
  return { ok: false, code, detail };
}

/** The pairs of the current mode in the order in which they were found to have ticks. */
export class PairList {
  readonly pairs: Pair[] = [];
  private readonly state: MarketState;
  private readonly seen = new Set<number>();

  constructor(state: MarketState) {
    this.state = state;
  }

  refresh(): void {
    const mode = this.state.mode?.mode ?? 'test';
    for (const source of this.state.sources) {
      if (source === undefined || source.mode !== mode) continue;
      for (const instrument of source.instruments) {
        if (instrument === undefined || this.seen.has(instrument.id)) continue;
        this.seen.add(instrument.id);
        const symbol = this.state.symbols[instrument.symbolId] ?? '';
        this.pairs.push({ exchange: source.exchange, symbol });
      }
    }
  }

  reset(): void {
    this.pairs.length = 0;
    this.seen.clear();
  }
}
