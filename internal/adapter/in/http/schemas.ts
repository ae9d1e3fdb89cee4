import type { FastifySchema } from 'fastify';
import { z } from 'zod';
import type { AveragePrice, ExtremePrice, LatestPrice } from '../../../application/port/in/queries.ts';
import { MODES, type Mode } from '../../../domain/model/mode.ts';
import { PERIOD_PATTERN } from './period.ts';
import { PROBLEM_CODES, type ProblemCode } from './problem.ts';

/** JSON Schema as the framework's validator, serialiser and API document take it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Of a route; `x-problems` are the codes of its own, and become responses in the API document. */
export interface RouteSchema extends FastifySchema {
  readonly summary: string;
  readonly tags: readonly [Tag];
  readonly 'x-problems'?: readonly ProblemCode[];
  /** What the API document says of query parameters whose values the route reads itself. */
  readonly 'x-parameters'?: Readonly<Record<string, JsonSchema>>;
}

export type Tag = 'Prices' | 'Candles' | 'Streams' | 'Mode' | 'Health' | 'Books' | 'Pages';

export const SYMBOL_PATTERN = /^[A-Za-z0-9:_\-./]{1,32}$/;
export const EXCHANGE_PATTERN = /^[A-Za-z0-9:_\-.]{1,64}$/;

/** Made once, at start: at run time there is no zod. */
export function jsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema: node }) => {
      if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
      if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
    },
  });
  return rest;
}

/** A schema that answers refer to by `{ $ref: '<name>#' }`; in the API document it is a component of that name. */
export function component(name: string, schema: z.ZodType): JsonSchema {
  return { $id: name, ...jsonSchema(schema) };
}

export const instantMs = z.int().meta({ examples: [1_740_411_234_567] });
export const modeName = z.enum(MODES).meta({ description: 'Where the ticks come from.' });
export const exchangeName = z.string().meta({ description: 'Name of the exchange.', examples: ['exchange1'] });
export const symbolName = z.string().meta({ description: 'Name of the symbol.', examples: ['BTCUSDT'] });
export const priceStatus = z.enum(['live', 'quiet', 'stale', 'down']).meta({
  description:
    'live: ticks come. quiet: the feed is well, this pair is silent. stale: the feed is silent. down: no connection.',
});

const window = {
  period: z
    .string()
    .nullable()
    .meta({
      description: 'The period as asked for; null: all recorded history of the current mode.',
      examples: ['10s'],
    }),
  from: instantMs.meta({ description: 'Start of the window, event time, Unix ms. Inclusive.' }),
  to: instantMs.meta({ description: 'End of the window, event time, Unix ms. Exclusive.' }),
  count: z.int().meta({ description: 'Ticks in the window.', examples: [5_132] }),
};

export const latestPrice = component(
  'LatestPrice',
  z
    .object({
      exchange: exchangeName,
      symbol: symbolName,
      price: z.number().meta({ description: 'Price of the newest tick, quote units.', examples: [67_321.5] }),
      timestamp: instantMs.meta({ description: "The exchange's time of the tick, Unix ms." }),
      receivedAt: instantMs.meta({ description: 'Our time of its receipt, Unix ms.' }),
      ageMs: z.int().meta({ description: 'Now − receivedAt, ms.', examples: [12] }),
      status: priceStatus,
    })
    .meta({ description: 'The newest tick.' }) satisfies z.ZodType<LatestPrice>,
);

export const extremePrice = component(
  'ExtremePrice',
  z
    .object({
      exchange: exchangeName.meta({ description: 'The exchange of the tick.' }),
      symbol: symbolName,
      price: z.number().meta({ description: 'The highest or lowest price, quote units.', examples: [67_500.25] }),
      timestamp: instantMs.meta({ description: "The exchange's time of the earliest tick at that price, Unix ms." }),
      ...window,
    })
    .meta({ description: 'The highest or lowest tick of a window.' }) satisfies z.ZodType<ExtremePrice>,
);

export const averagePrice = component(
  'AveragePrice',
  z
    .object({
      exchange: exchangeName.nullable().meta({ description: 'Null: over all exchanges.' }),
      symbol: symbolName,
      price: z.number().meta({ description: 'Mean over ticks, quote units.', examples: [67_400.125] }),
      ...window,
    })
    .meta({ description: 'The mean of a window.' }) satisfies z.ZodType<AveragePrice>,
);

export const modeAnswer = component(
  'Mode',
  z
    .object({
      mode: modeName,
      epoch: z.int().meta({ description: 'Rises by one at each switch.', examples: [3] }),
      since: instantMs.meta({ description: 'When this mode came into force, our clock, Unix ms.' }),
    })
    .meta({ description: 'The mode in force.' }) satisfies z.ZodType<{ mode: Mode; epoch: number; since: number }>,
);

export const problem = component(
  'Problem',
  z
    .object({
      type: z.string().meta({ description: 'Where the code is explained, relative to this service.' }),
      title: z.string().meta({ description: 'The kind of problem in words.' }),
      status: z.int().meta({ description: 'The HTTP status again.' }),
      detail: z.string().meta({ description: 'What is wrong with this request.' }),
      code: z.enum(PROBLEM_CODES).meta({ description: 'The kind of problem for programs.' }),
    })
    .meta({ description: 'A problem document, RFC 9457.' }),
);

export const noQuery = jsonSchema(z.strictObject({}));

export const periodQuery = jsonSchema(
  z.strictObject({
    period: z
      .string()
      .regex(PERIOD_PATTERN)
      .optional()
      .meta({
        description: 'Length of the window up to now: 100ms to 365d. Without it, all recorded history of the mode.',
        examples: ['10s'],
      }),
  }),
);

const symbolPath = z
  .string()
  .regex(SYMBOL_PATTERN)
  .meta({
    description: 'Case-insensitive. A slash in it is sent as %2F.',
    examples: ['BTCUSDT'],
  });

export const symbolParams = jsonSchema(z.object({ symbol: symbolPath }));

/** An exchange name is not judged here: an odd one is just unknown. */
export const exchangeSymbolParams = jsonSchema(
  z.object({
    exchange: z.string().meta({ description: 'Case-insensitive.', examples: ['exchange1'] }),
    symbol: symbolPath,
  }),
);
