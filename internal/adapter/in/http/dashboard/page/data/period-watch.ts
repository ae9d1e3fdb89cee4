import { intervalMsOf } from '../../../../../../domain/model/interval-text.ts';
import type { Mode } from '../../../../../../domain/model/mode.ts';
import type { Names } from './names.ts';
import { askFigures, type FiguresAnswer } from './period-figures.ts';
import { Poll } from './poll.ts';
import { type Pair, PriceChanges, type Reference } from './price-changes.ts';
import type { PriceTable } from './price-table.ts';

/** What is to be watched, asked for at each turn. */
export interface WatchedPeriod {
  /** As in the URL. */
  readonly period: string;
  /** Null: not known yet. */
  readonly mode: Mode | null;
  /** Whose figures are shown. */
  readonly pair: Pair | null;
  readonly shownSymbols: readonly string[];
}

export interface PeriodWatchParts {
  readonly intervals: readonly string[];
  readonly names: Names;
  readonly prices: PriceTable;
  readonly watched: () => WatchedPeriod;
  readonly onChange: () => void;
}

const FIGURES_EVERY_MS = 2_000;
const CHANGES_EVERY_MS = 10_000;
const LOADING: FiguresAnswer = { kind: 'loading' };
const NO_TICK: FiguresAnswer = { kind: 'none', code: 'no_data', detail: '' };

/** What has happened over the chosen period: figures of the chosen pair, and how much each price has changed. */
export class PeriodWatch {
  figures: FiguresAnswer = LOADING;
  private readonly parts: PeriodWatchParts;
  private readonly changes: PriceChanges;
  private readonly figuresPoll = new Poll(
    () => FIGURES_EVERY_MS,
    () => this.askFigures(),
  );
  private readonly changesPoll = new Poll(
    () => CHANGES_EVERY_MS,
    () => this.askChanges(),
  );

  constructor(parts: PeriodWatchParts) {
    this.parts = parts;
    this.changes = new PriceChanges(parts.intervals);
  }

  start(): void {
    this.figuresPoll.start();
    this.changesPoll.start();
  }

  stop(): void {
    this.figuresPoll.stop();
    this.changesPoll.stop();
  }

  /** What prices of the pair are compared with. */
  reference(pair: Pair): Reference | null {
    return this.changes.reference(pair);
  }

  /** Another pair is shown. */
  pairChanged(): void {
    this.figures = LOADING;
    this.figuresPoll.now();
  }

  /** Another period, or other ticks: nothing that is known holds. */
  restart(): void {
    this.changes.clear();
    this.changesPoll.now();
    this.pairChanged();
  }

  /** There may be more to ask about. */
  look(): void {
    this.figuresPoll.now();
    this.changesPoll.now();
  }

  /** Other pairs are shown, or the first price of one has come. */
  lookAtChanges(): void {
    this.changesPoll.now();
  }

  private async askFigures(): Promise<void> {
    const { pair, period } = this.parts.watched();
    if (pair === null) return;
    const figures = await this.figuresOf(pair, period);
    const now = this.parts.watched();
    if (now.pair?.symbol !== pair.symbol || now.pair.exchange !== pair.exchange || now.period !== period) return;
    this.figures = figures;
    this.parts.onChange();
  }

  /** As far as the page knows: what can't have an answer is not asked for. */
  private async figuresOf(pair: Pair, period: string): Promise<FiguresAnswer> {
    const { prices, names } = this.parts;
    const { exchange, symbol } = pair;
    const quote = prices.quote(exchange, symbol);
    if (quote === undefined) return names.hasTickOf(exchange, symbol) ? LOADING : NO_TICK;
    const periodMs = intervalMsOf(period) ?? Number.POSITIVE_INFINITY;
    if (performance.now() - quote.receivedAtMs >= periodMs) return NO_TICK;
    return askFigures(exchange, symbol, period);
  }

  private async askChanges(): Promise<void> {
    const { names, prices, watched, onChange } = this.parts;
    const { mode, period, shownSymbols } = watched();
    if (mode === null || !names.areCurrent) return;
    const exchanges = names.exchangeNames();
    const all = shownSymbols.flatMap((symbol) => exchanges.map((exchange) => ({ exchange, symbol })));
    const pairs = all.filter(({ exchange, symbol }) => prices.quote(exchange, symbol) !== undefined);
    await this.changes.refresh(mode, period === 'all' ? null : intervalMsOf(period), pairs, prices.serverNowMs());
    onChange();
  }
}
