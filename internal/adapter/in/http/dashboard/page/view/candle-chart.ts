import {
  type CandlestickData,
  CandlestickSeries,
  ColorType,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  LineStyle,
  type MouseEventParams,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
  type WhitespaceData,
} from 'lightweight-charts';
import type { Candle } from '../../../../../../application/port/in/candle-queries.ts';
import { type Place, placesOf } from '../data/bars.ts';
import type { CandleFeed } from '../data/candle-feed.ts';
import { axisText, priceText, timeText } from '../data/text.ts';
import { type ChartColours, chartColours } from './chart-colours.ts';

/** Fewer candles than these to the left of what is seen: older ones are asked for. */
const OLDER_WITHIN_BARS = 60;
const VISIBLE_BARS = 120;
const BAR_MIN_PX = 6;
const DAY_MS = 86_400_000;

type Bar = CandlestickData<UTCTimestamp> | WhitespaceData<UTCTimestamp>;

/** Draws a feed's candles as they are and as they change, at most once a frame. */
export class CandleChart {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<'Candlestick', Time>;
  private readonly volumes: ISeriesApi<'Histogram', Time>;
  private readonly markers: ISeriesMarkersPluginApi<Time>;
  private readonly onPointed: (candle: Candle | null) => void;
  private readonly dark = matchMedia('(prefers-color-scheme: dark)');
  private colours: ChartColours;
  private feed: CandleFeed | null = null;
  private decimals = 2;
  /** Opening of the first candle that is not drawn as it is now; null: all are. */
  private staleFromMs: number | null = null;
  /** Opening of the newest candle that is drawn; null: nothing is. */
  private drawnToMs: number | null = null;
  private drawnFromMs: number | null = null;
  private frame: number | null = null;
  private marks = '';
  private priceLine: IPriceLine | null = null;

  constructor(place: HTMLElement, onPointed: (candle: Candle | null) => void) {
    this.onPointed = onPointed;
    this.colours = chartColours();
    // The notice is in the page's footer: the logo would bring a style element, which the page's policy forbids.
    this.chart = createChart(place, { autoSize: true, layout: { attributionLogo: false } });
    // Their colour would be that of the newest candle, whose body is empty: there is a line of our own.
    this.candles = this.chart.addSeries(CandlestickSeries, { priceLineVisible: false, lastValueVisible: false });
    this.volumes = this.chart.addSeries(HistogramSeries, { priceScaleId: 'volume', priceFormat: { type: 'volume' } });
    this.volumes.applyOptions({ lastValueVisible: false, priceLineVisible: false });
    this.chart.priceScale('volume').applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.candles.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.22 } });
    this.markers = createSeriesMarkers(this.candles, []);
    this.chart.subscribeCrosshairMove((event) => this.point(event));
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range !== null && range.from < OLDER_WITHIN_BARS) void this.feed?.loadOlder();
    });
    this.dark.addEventListener('change', this.recolour);
    this.style();
  }

  show(feed: CandleFeed | null): void {
    if (this.feed !== null) this.feed.onCandles = () => undefined;
    this.feed = feed;
    this.drawnToMs = null;
    this.drawnFromMs = null;
    this.candles.setData([]);
    this.volumes.setData([]);
    this.setMarkers();
    if (this.priceLine !== null) this.candles.removePriceLine(this.priceLine);
    this.priceLine = null;
    if (feed === null) return;
    this.style();
    feed.onCandles = (fromMs) => this.stale(fromMs);
    this.stale(0);
  }

  setDecimals(decimals: number): void {
    this.decimals = decimals;
    const formatter = (price: number): string => priceText(price, this.decimals);
    this.candles.applyOptions({ priceFormat: { type: 'custom', minMove: 10 ** -decimals, formatter } });
  }

  toNewest(): void {
    this.chart.timeScale().scrollToRealTime();
  }

  /** By half of what is seen. */
  move(direction: -1 | 1): void {
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (range === null) return;
    const step = ((range.to - range.from) / 2) * direction;
    scale.setVisibleLogicalRange({ from: range.from + step, to: range.to + step });
  }

  /** `factor` 2: twice as many candles, the newest of those seen staying where it is. */
  zoom(factor: number): void {
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (range !== null)
      scale.setVisibleLogicalRange({ from: range.to - (range.to - range.from) * factor, to: range.to });
  }

  remove(): void {
    this.show(null);
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.dark.removeEventListener('change', this.recolour);
    this.chart.remove();
  }

  private stale(fromMs: number): void {
    this.staleFromMs = Math.min(fromMs, this.staleFromMs ?? fromMs);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  private draw(): void {
    const { feed, staleFromMs, drawnToMs } = this;
    this.staleFromMs = null;
    if (feed === null || staleFromMs === null || feed.status.kind !== 'ready') return;
    const { candles } = feed.list;
    const oldest = feed.list.oldest?.openTime ?? null;
    const isTail = drawnToMs !== null && staleFromMs >= drawnToMs && oldest === this.drawnFromMs;
    if (isTail) this.drawTail(feed, drawnToMs);
    else this.drawAll(candles, feed.intervalMs, drawnToMs === null);
    this.drawnToMs = feed.list.newest?.openTime ?? null;
    this.drawnFromMs = oldest;
    this.setMarkers();
    this.setPriceLine(feed.list.newest);
  }

  private drawAll(candles: readonly Candle[], intervalMs: number, isFirst: boolean): void {
    const places = placesOf(candles, intervalMs);
    this.candles.setData(places.map((place) => this.bar(place)));
    this.volumes.setData(places.map((place) => this.volume(place)));
    if (isFirst && places.length > 0) this.fit(places.length);
  }

  private drawTail(feed: CandleFeed, drawnToMs: number): void {
    const { candles } = feed.list;
    const index = candles.findLastIndex(({ openTime }) => openTime <= drawnToMs);
    for (const place of placesOf(candles.slice(index), feed.intervalMs)) {
      this.candles.update(this.bar(place));
      this.volumes.update(this.volume(place));
    }
  }

  /** The newest candles, as many as can be told apart. */
  private fit(count: number): void {
    const scale = this.chart.timeScale();
    const bars = Math.max(20, Math.min(VISIBLE_BARS, Math.floor(scale.width() / BAR_MIN_PX)));
    scale.setVisibleLogicalRange({ from: count - bars, to: count + 4 });
  }

  private bar({ openTime, candle }: Place): Bar {
    const time = timeOf(openTime);
    if (candle === null) return { time };
    const { open, high, low, close, state, complete } = candle;
    const { up, upPale, down, downPale, page } = this.colours;
    const isUp = close >= open;
    const line = isUp ? up : down;
    const pale = isUp ? upPale : downPale;
    const color = state === 'forming' ? page : complete ? line : pale;
    return { time, open, high, low, close, color, borderColor: line, wickColor: line };
  }

  private volume({ openTime, candle }: Place) {
    const time = timeOf(openTime);
    if (candle === null) return { time };
    const color = candle.close >= candle.open ? this.colours.upPale : this.colours.downPale;
    return { time, value: candle.volume ?? candle.count, color };
  }

  private setPriceLine(newest: Candle | undefined): void {
    if (newest === undefined) return;
    const { up, down, page } = this.colours;
    const color = newest.close >= newest.open ? up : down;
    const options = {
      price: newest.close,
      color,
      axisLabelColor: color,
      axisLabelTextColor: page,
      lineWidth: 1,
    } as const;
    if (this.priceLine === null)
      this.priceLine = this.candles.createPriceLine({ ...options, lineStyle: LineStyle.Dotted });
    else this.priceLine.applyOptions(options);
  }

  /** Only what is special has a mark. */
  private setMarkers(): void {
    const special = (this.feed?.list.candles ?? []).filter(
      ({ complete, state }) => state === 'revised' || (!complete && state !== 'forming'),
    );
    const marks = `${this.colours.text}${special.map(({ openTime, revision, complete }) => `${openTime}:${revision}:${complete}`)}`;
    if (marks === this.marks) return;
    this.marks = marks;
    this.markers.setMarkers(special.flatMap((candle) => this.markersOf(candle)));
  }

  private markersOf({ openTime, complete, state }: Candle): SeriesMarker<Time>[] {
    const time = timeOf(openTime);
    const marks: SeriesMarker<Time>[] = [];
    if (!complete) {
      marks.push({ time, position: 'aboveBar', shape: 'circle', size: 0, color: this.colours.warn, text: '◆' });
    }
    if (state === 'revised') {
      marks.push({ time, position: 'belowBar', shape: 'square', size: 0, color: this.colours.mark, text: 'R' });
    }
    return marks;
  }

  private point({ time }: MouseEventParams<Time>): void {
    this.onPointed(typeof time === 'number' ? (this.feed?.list.at(time * 1_000) ?? null) : null);
  }

  private readonly recolour = (): void => {
    this.style();
    this.drawnToMs = this.feed?.list.newest === undefined ? null : 0;
    this.stale(0);
  };

  private style(): void {
    this.colours = chartColours();
    const { text, line, page, soft } = this.colours;
    const intervalMs = this.feed?.intervalMs ?? 60_000;
    this.chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: page },
        textColor: text,
        fontFamily: 'system-ui, sans-serif',
        fontSize: 11,
      },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      rightPriceScale: { borderColor: line },
      crosshair: {
        vertLine: { color: soft, labelBackgroundColor: soft },
        horzLine: { color: soft, labelBackgroundColor: soft },
      },
      localization: { timeFormatter: (time: Time) => timeText(Number(time) * 1_000) },
      timeScale: {
        borderColor: line,
        timeVisible: intervalMs < DAY_MS,
        secondsVisible: intervalMs < 60_000,
        rightOffset: 4,
        tickMarkFormatter: (time: Time) => axisText(Number(time) * 1_000, intervalMs, intervalMs < 60_000),
      },
    });
  }
}

function timeOf(openTime: number): UTCTimestamp {
  return (openTime / 1_000) as UTCTimestamp;
}
