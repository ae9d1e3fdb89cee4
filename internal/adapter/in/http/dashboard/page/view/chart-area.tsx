import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Candle } from '../../../../../../application/port/in/candle-queries.ts';
import { describeState } from '../data/bars.ts';
import type { CandleFeed } from '../data/candle-feed.ts';
import type { Dashboard } from '../data/dashboard.ts';
import { candleTimeText, countText, priceText, quantityText, utcText } from '../data/text.ts';
import { CandleChart } from './candle-chart.ts';

/** The chart, a line that says what is under the pointer, and what there is to say when there are no candles. */
export function ChartArea({ dashboard }: { readonly dashboard: Dashboard }) {
  const { feed } = dashboard;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<CandleChart | null>(null);
  const [pointed, setPointed] = useState<Candle | null>(null);
  const symbol = dashboard.pair()?.symbol ?? '';
  const decimals = dashboard.prices.decimalsOf(symbol);

  useEffect(() => {
    if (place.current === null) return;
    const made = new CandleChart(place.current, setPointed);
    chart.current = made;
    return () => made.remove();
  }, []);
  useEffect(() => {
    setPointed(null);
    chart.current?.show(feed);
  }, [feed]);
  useEffect(() => chart.current?.setDecimals(decimals), [decimals]);

  const newest = feed?.list.newest;
  const message = messageOf(dashboard);
  return (
    <div class="chart-area">
      <Readout candle={pointed ?? newest ?? null} feed={feed} decimals={decimals} isNewest={pointed === null} />
      <div
        class="chart-place"
        role="img"
        aria-label={`Candle chart of ${symbol}. The newest candles are in the table below it.`}
      >
        <div class="chart" ref={place} aria-hidden="true" />
        {message !== null && <div class="chart-message">{message}</div>}
        {feed?.older === 'loading' && <div class="chart-older">Loading older candles…</div>}
      </div>
      <div class="chart-foot">
        <p class="key">
          <span>
            <i class="key-forming" /> forming
          </span>{' '}
          <span>
            <i class="key-incomplete">◆</i> incomplete: the feed was not up all the time
          </span>{' '}
          <span>
            <i class="key-revised">R</i> revised by late ticks
          </span>
          <span class="soft">
            {newest !== undefined && newest.volume === null ? 'Bars: ticks (the feed has no volume)' : 'Bars: volume'}
          </span>
        </p>
        <ChartButtons chart={chart} />
      </div>
    </div>
  );
}

/** The chart by keyboard: it moves by wheel, mouse and finger too. */
function ChartButtons({ chart }: { readonly chart: RefObject<CandleChart | null> }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out in a line by all browsers
    <div class="buttons" role="group" aria-label="Chart">
      <button type="button" aria-label="Older" title="Older" onClick={() => chart.current?.move(-1)}>
        ‹
      </button>
      <button type="button" aria-label="Newer" title="Newer" onClick={() => chart.current?.move(1)}>
        ›
      </button>
      <button type="button" aria-label="Fewer candles" title="Fewer candles" onClick={() => chart.current?.zoom(0.7)}>
        +
      </button>
      <button type="button" aria-label="More candles" title="More candles" onClick={() => chart.current?.zoom(1.4)}>
        −
      </button>
      <button type="button" onClick={() => chart.current?.toNewest()}>
        Newest
      </button>
    </div>
  );
}

interface ReadoutProps {
  readonly candle: Candle | null;
  readonly feed: CandleFeed | null;
  readonly decimals: number;
  readonly isNewest: boolean;
}

function Readout({ candle, feed, decimals, isNewest }: ReadoutProps) {
  if (candle === null || feed === null) return <p class="readout">&nbsp;</p>;
  const price = (value: number): string => priceText(value, decimals);
  return (
    <p class="readout">
      <time dateTime={new Date(candle.openTime).toISOString()} title={utcText(candle.openTime)}>
        {isNewest ? 'Newest: ' : ''}
        {candleTimeText(candle.openTime, feed.intervalMs)}
      </time>{' '}
      <span>O {price(candle.open)}</span> <span>H {price(candle.high)}</span> <span>L {price(candle.low)}</span>{' '}
      <span>C {price(candle.close)}</span> {candle.volume !== null && <span>Vol {quantityText(candle.volume)} </span>}
      <span>{candle.count === 1 ? '1 tick' : `${countText(candle.count)} ticks`}</span>{' '}
      <span>{describeState(candle)}</span>
    </p>
  );
}

function messageOf(dashboard: Dashboard) {
  const { feed, intervals, selection, names } = dashboard;
  const pair = dashboard.pair();
  if (!intervals.includes(selection.interval)) {
    return (
      <p>
        <strong>Candles of {selection.interval} are not kept.</strong> Kept are {intervals.join(', ')}.
      </p>
    );
  }
  if (pair === null) {
    return names.symbols === null ? (
      <p>Loading…</p>
    ) : (
      <p>
        <strong>No pair is known yet.</strong> The chart begins with the first tick.
      </p>
    );
  }
  if (names.areCurrent && !names.hasSymbol(pair.symbol)) return failureMessage(dashboard, UNKNOWN_SYMBOL);
  if (feed === null || feed.status.kind === 'loading') return <p>Loading candles…</p>;
  if (feed.status.kind === 'failed') return failureMessage(dashboard, feed.status);
  if (feed.list.newest === undefined) {
    return (
      <p>
        <strong>
          No tick of {pair.symbol} at {pair.exchange} yet.
        </strong>{' '}
        The chart begins with the first.
      </p>
    );
  }
  return null;
}

const UNKNOWN_SYMBOL = { code: 'unknown_symbol', detail: '' };

function failureMessage(dashboard: Dashboard, { code, detail }: { readonly code: string; readonly detail: string }) {
  const { symbols, exchanges } = dashboard.names;
  const pair = dashboard.pair();
  if (code === 'unknown_symbol' || code === 'invalid_symbol') {
    const first = symbols?.[0]?.symbol;
    return (
      <p>
        <strong>{pair?.symbol} is not a pair that is known here.</strong>{' '}
        {first !== undefined && (
          <button type="button" onClick={() => dashboard.select({ symbol: first })}>
            Show {first}
          </button>
        )}
      </p>
    );
  }
  if (code === 'unknown_exchange') {
    const first = exchanges?.[0]?.exchange;
    return (
      <p>
        <strong>
          {pair?.exchange} is not an exchange of {dashboard.mode?.mode} mode.
        </strong>{' '}
        {first !== undefined && (
          <button type="button" onClick={() => dashboard.select({ exchange: first })}>
            Show {first}
          </button>
        )}
      </p>
    );
  }
  return (
    <p>
      <strong>The candles can’t be had at the moment.</strong> {detail} It is tried again by itself.
    </p>
  );
}
