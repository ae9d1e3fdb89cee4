import type { ExchangeInfo, SymbolInfo } from '../../../../../../application/port/in/queries.ts';
import { askApi } from './api.ts';
import type { Pair } from './price-changes.ts';
import type { Selection } from './selection.ts';

/** The exchanges and symbols of the mode in force, as the server lists them. */
export class Names {
  /** Null: not known yet. */
  exchanges: readonly ExchangeInfo[] | null = null;
  symbols: readonly SymbolInfo[] | null = null;
  private generation = 0;
  private knownGeneration = -1;

  /** The lists are of the mode in force. */
  get areCurrent(): boolean {
    return this.knownGeneration === this.generation;
  }

  /** The mode has changed: the lists stand until there are new ones. */
  expire(): void {
    this.generation++;
  }

  async refresh(): Promise<void> {
    const { generation } = this;
    const [exchanges, symbols] = await Promise.all([
      askApi<{ readonly exchanges: readonly ExchangeInfo[] }>('/v1/exchanges'),
      askApi<{ readonly symbols: readonly SymbolInfo[] }>('/v1/symbols'),
    ]);
    if (generation !== this.generation || !exchanges.ok || !symbols.ok) return;
    this.exchanges = exchanges.value.exchanges;
    this.symbols = symbols.value.symbols;
    this.knownGeneration = generation;
  }

  hasSymbol(name: string): boolean {
    return this.symbols?.some(({ symbol }) => symbol === name) === true;
  }

  hasTickOf(exchange: string, symbol: string): boolean {
    const info = this.symbols?.find((one) => one.symbol === symbol);
    return info?.exchanges.some((one) => one.exchange === exchange) === true;
  }

  hasExchange(name: string): boolean {
    return this.exchanges?.some(({ exchange }) => exchange === name) === true;
  }

  exchangeNames(): readonly string[] {
    return (this.exchanges ?? []).map(({ exchange }) => exchange);
  }

  matching(filter: string): readonly string[] {
    const wanted = filter.trim().toUpperCase();
    return (this.symbols ?? []).map(({ symbol }) => symbol).filter((symbol) => symbol.toUpperCase().includes(wanted));
  }

  /** What was chosen; for what was not, the first pair that has ticks, else the first there is. Null: there is none. */
  pairOf({ symbol, exchange }: Selection): Pair | null {
    const withTicks = this.symbols?.find(({ status }) => status !== null) ?? this.symbols?.[0];
    const shownSymbol = symbol ?? withTicks?.symbol;
    const listed = this.symbols?.find((info) => info.symbol === shownSymbol)?.exchanges[0]?.exchange;
    const shownExchange = exchange ?? listed ?? this.exchanges?.[0]?.exchange;
    return shownSymbol === undefined || shownExchange === undefined
      ? null
      : { symbol: shownSymbol, exchange: shownExchange };
  }
}
