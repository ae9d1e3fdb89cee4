import { z } from 'zod';
import type { IndicatorName } from '../../../application/port/out/indicators.ts';
import { RANGE_MAX_INTERVALS, TIME_MAX_MS } from './query-reader.ts';
import { component, exchangeName, instantMs, type JsonSchema, jsonSchema, modeName, symbolName } from './schemas.ts';

/** Candles of one answer: default, most of one exchange, most when merged. */
export const CANDLE_LIMIT = { usual: 500, max: 5_000, mergedMax: 1_000 } as const;
export const TICK_LIMIT = { usual: 500, max: 5_000 } as const;
export const INDICATOR_LIMIT = { usual: 500, max: 1_000 } as const;

/** Range and default of each parameter. */
export const INDICATOR_PARAMETERS = {
  sma: { period: [1, 500, 20] },
  ema: { period: [1, 500, 20] },
  wma: { period: [1, 500, 20] },
  vwap: { period: [1, 500, 20] },
  rsi: { period: [1, 200, 14] },
  atr: { period: [1, 200, 14] },
  macd: { fast: [1, 199, 12], slow: [2, 200, 26], signal: [1, 200, 9] },
  bollinger: { period: [2, 500, 20], deviations: [0.1, 10, 2] },
} as const satisfies Record<IndicatorName, Readonly<Record<string, readonly [number, number, number]>>>;

export const INDICATOR_NAMES = Object.keys(INDICATOR_PARAMETERS) as readonly IndicatorName[];

const text = z.string().optional();

/** What the framework checks of a query: names, and that each comes once; what they say is read by `QueryReader`. */
const looseQuery = (names: readonly string[]): JsonSchema =>
  jsonSchema(z.strictObject(Object.fromEntries(names.map((name) => [name, text]))));

/** What the API document says of them. */
type Documented = Readonly<Record<string, JsonSchema>>;

const document = (parameters: Readonly<Record<string, z.ZodType>>): Documented =>
  Object.fromEntries(Object.entries(parameters).map(([name, schema]) => [name, jsonSchema(schema)]));

const limitOf = ({ usual, max }: { usual: number; max: number }, more = '') =>
  z
    .int()
    .min(1)
    .max(max)
    .default(usual)
    .meta({ description: `At most so many are in an answer: 1 to ${max}${more}.`, examples: [3] });

const mode = modeName.meta({ description: 'Default: the mode in force.' });
const order = z.enum(['asc', 'desc']).default('asc');
const cursor = z
  .string()
  .meta({ description: '`next` of the page before, beside the same other parameters. Opaque; it does not expire.' });
const interval = z
  .string()
  .default('1m')
  .meta({
    description:
      'One of the kept intervals: 1s 1m 5m 15m 30m 1h 4h 1d 1w unless set otherwise. UTC; weeks open on Monday.',
    examples: ['1m'],
  });
const from = z.int().min(0).max(TIME_MAX_MS);
const candleRange = {
  from: from.meta({
    description: `Open time of the first candle, Unix ms; without it, the newest \`limit\` candles before \`to\`. A range is at most ${RANGE_MAX_INTERVALS} intervals long.`,
  }),
  to: from.meta({ description: 'Candles open before this, Unix ms. Default: now.' }),
};

const CANDLE_PARAMETERS = document({
  interval,
  ...candleRange,
  limit: limitOf(CANDLE_LIMIT, `, ${CANDLE_LIMIT.mergedMax} when merged over exchanges`),
  order: order.meta({
    description: 'By open time. Without `from`, `asc` has no next page: to go back through history use `desc`.',
  }),
  fill: z.enum(['none', 'previous']).default('none').meta({
    description:
      'previous: buckets without ticks between two candles of the range come as candles of count 0 at the close before, volume 0 (or null), source fill; never complete, as nobody has noted whether the feed was up.',
  }),
  format: z.enum(['json', 'csv']).meta({ description: 'Goes before the Accept header. Default: json.' }),
  mode,
  cursor,
});

const TICK_PARAMETERS = document({
  from: from.meta({ description: "The exchange's time of the first tick, Unix ms. Default: all that there are." }),
  to: from.meta({ description: 'Ticks are before this, Unix ms.' }),
  limit: limitOf(TICK_LIMIT),
  order: z
    .enum(['desc', 'asc'])
    .default('desc')
    .meta({ description: 'By the order of acceptance: desc = newest first.' }),
  mode,
  cursor,
});

const periods = Object.entries(INDICATOR_PARAMETERS)
  .flatMap(([name, ranges]) => ('period' in ranges ? [`${name} ${ranges.period.slice(0, 2).join(' to ')}`] : []))
  .join(', ');

const INDICATOR_QUERY = document({
  name: z.enum(INDICATOR_NAMES as [IndicatorName]).meta({ description: 'Which.', examples: ['ema'] }),
  interval,
  period: z.int().meta({
    description: `Candles: ${periods}. Default: 14 of rsi and atr, else 20. Not of macd.`,
    examples: [20],
  }),
  fast: z.int().min(1).max(199).default(12).meta({ description: 'Of macd, candles; less than slow.' }),
  slow: z.int().min(2).max(200).default(26).meta({ description: 'Of macd, candles.' }),
  signal: z.int().min(1).max(200).default(9).meta({ description: 'Of macd, candles.' }),
  deviations: z
    .number()
    .min(0.1)
    .max(10)
    .default(2)
    .meta({ description: 'Of bollinger: how many are between the middle and a band.' }),
  ...candleRange,
  limit: limitOf(INDICATOR_LIMIT),
  order: order.meta({ description: 'By open time.' }),
  mode,
});

export interface ListQuery {
  readonly querystring: JsonSchema;
  readonly 'x-parameters': Documented;
}

const listQuery = (documented: Documented): ListQuery => ({
  querystring: looseQuery(Object.keys(documented)),
  'x-parameters': documented,
});

export const candleQuery = listQuery(CANDLE_PARAMETERS);
export const tickQuery = listQuery(TICK_PARAMETERS);
export const indicatorQuery = listQuery(INDICATOR_QUERY);

const state = z.enum(['forming', 'final', 'revised']).meta({
  description: 'forming: its end has not passed. final: closed. revised: closed, and late ticks have come since.',
});
const complete = z.boolean().meta({ description: 'The feed is known to have been up for the whole of it.' });
const openTime = instantMs.meta({ description: 'Start, Unix ms; inclusive.', examples: [1_740_411_180_000] });
const closeTime = instantMs.meta({ description: 'End, Unix ms; exclusive.', examples: [1_740_411_240_000] });

const candle = z.object({
  openTime,
  closeTime,
  open: z.number().meta({ description: 'Price of the first tick, by trade id, else by time.', examples: [67_300] }),
  high: z.number().meta({ description: 'Highest price.', examples: [67_350.5] }),
  low: z.number().meta({ description: 'Lowest price.', examples: [67_290] }),
  close: z.number().meta({ description: 'Price of the last tick.', examples: [67_321.5] }),
  volume: z
    .number()
    .nullable()
    .meta({ description: 'Base units; null: the feed has no quantities.', examples: [1.25] }),
  quoteVolume: z
    .number()
    .nullable()
    .meta({ description: 'Quote units: Σ price × quantity.', examples: [84_146] }),
  count: z.int().meta({ description: 'Ticks.', examples: [112] }),
  average: z
    .number()
    .nullable()
    .meta({ description: 'Mean over ticks; null when there are none.', examples: [67_318] }),
  vwap: z
    .number()
    .nullable()
    .meta({ description: 'quoteVolume / volume.', examples: [67_316.8] }),
  firstTradeId: z
    .int()
    .nullable()
    .meta({ description: 'Of the tick that opened; null: not known, or merged.', examples: [5_000] }),
  lastTradeId: z
    .int()
    .nullable()
    .meta({ description: 'Of the tick that closed.', examples: [5_111] }),
  state,
  complete,
  source: z.enum(['ticks', 'exchange', 'mixed', 'fill']).meta({
    description: "ticks: ours. exchange: the exchange's own. mixed: of both. fill: no tick, see the parameter.",
  }),
  revision: z.int().meta({ description: 'Ticks that came after it was final.', examples: [0] }),
  exchanges: z
    .array(z.string())
    .optional()
    .meta({ description: 'Of merged candles: whose ticks are in it.', examples: [['exchange1']] }),
});

const pageHead = {
  symbol: symbolName,
  mode: modeName,
  interval: z.string().meta({ description: 'Length of a candle.', examples: ['1m'] }),
  from: instantMs.nullable().meta({ description: 'As asked for; null: from the beginning.' }),
  to: instantMs.meta({ description: 'End of the range that was answered for, Unix ms.' }),
  order: z.enum(['asc', 'desc']).meta({ description: 'By open time.' }),
};
const next = z
  .string()
  .nullable()
  .meta({ description: 'Cursor of the next page; null: this is the last.', examples: [null] });

export const candlePage = component(
  'Candles',
  z
    .object({
      exchange: exchangeName.nullable().meta({ description: 'Null: merged over all exchanges of the mode.' }),
      ...pageHead,
      candles: z.array(candle).meta({ description: 'The candles.' }),
      next,
    })
    .meta({ description: 'A page of candles.' }),
);

export const indicatorPage = component(
  'IndicatorValues',
  z
    .object({
      exchange: exchangeName,
      ...pageHead,
      name: z.enum(INDICATOR_NAMES as [IndicatorName]).meta({ description: 'Which.' }),
      parameters: z.record(z.string(), z.number()).meta({ description: 'As used.', examples: [{ period: 20 }] }),
      warmUp: z.int().meta({ description: 'Candles that the first value of a history needs.', examples: [20] }),
      values: z
        .array(
          z.object({
            openTime,
            closeTime,
            state,
            complete,
            value: z
              .number()
              .optional()
              .meta({ description: 'Of all but macd and bollinger.', examples: [67_310.2] }),
            macd: z.number().optional().meta({ description: 'Fast less slow average.' }),
            signal: z.number().optional().meta({ description: 'Average of macd.' }),
            histogram: z.number().optional().meta({ description: 'macd less signal.' }),
            lower: z.number().optional().meta({ description: 'Lower band.' }),
            middle: z.number().optional().meta({ description: 'Simple average.' }),
            upper: z.number().optional().meta({ description: 'Upper band.' }),
          }),
        )
        .meta({ description: 'One for each candle of the range that has a value.' }),
      more: z.boolean().meta({ description: 'The range has more candles than the limit.' }),
    })
    .meta({ description: 'An indicator over candles.' }),
);

export const tickPage = component(
  'Ticks',
  z
    .object({
      exchange: exchangeName,
      symbol: symbolName,
      mode: modeName,
      order: z.enum(['asc', 'desc']).meta({ description: 'By the order of acceptance.' }),
      availableFrom: instantMs.nullable().meta({
        description: 'Receipt of the oldest tick, of any pair, that the log still has, Unix ms; null: it has none.',
      }),
      ticks: z
        .array(
          z.object({
            price: z.number().meta({ description: 'Quote units.', examples: [67_321.5] }),
            quantity: z
              .number()
              .nullable()
              .meta({ description: 'Base units; null: the feed has none.', examples: [0.5] }),
            tradeId: z
              .int()
              .nullable()
              .meta({ description: "The exchange's; null: the feed has none.", examples: [5_000] }),
            timestamp: instantMs.meta({ description: "The exchange's time, Unix ms." }),
            receivedAt: instantMs.meta({ description: 'Our time of its receipt, Unix ms.' }),
          }),
        )
        .meta({ description: 'The ticks.' }),
      next: next.meta({ description: 'Cursor of the next page; null: the log has no more.' }),
    })
    .meta({ description: 'Single ticks as they were accepted.' }),
);
