import { z } from 'zod';
import type { Audit, ExchangeInfo, HealthReport, Readiness, SymbolInfo } from '../../../application/port/in/queries.ts';
import { REJECTION_REASONS, type RejectionReason } from '../../../domain/model/rejection.ts';
import { component, exchangeName, instantMs, modeName, priceStatus, symbolName } from './schemas.ts';

const status = z.enum(['ok', 'degraded', 'down']);
const feedState = z.enum(['connecting', 'live', 'stale', 'down']).meta({
  description: 'connecting: never up since start. stale: connected and silent. down: waiting for the next try.',
});
const lastTickAt = instantMs.nullable().meta({ description: 'Our time of the newest tick, Unix ms; null before it.' });
const ticks = z.int().meta({ examples: [1_000] });

const part = {
  kind: z.string().meta({ description: 'What does the job.', examples: ['sqlite'] }),
  status,
  detail: z.string().exactOptional(),
  features: z
    .record(z.string(), z.string())
    .exactOptional()
    .meta({
      description: 'What it runs with.',
      examples: [{ timescale: '2.28.0', compressAfter: '7d', retention: 'off' }],
    }),
};

export const healthReport = component(
  'Health',
  z
    .object({
      status,
      mode: modeName,
      role: z.string().meta({ description: 'Roles of this process.', examples: ['all'] }),
      uptimeMs: z.int().meta({ description: 'Since the start of the process, ms.' }),
      version: z.string(),
      sources: z.array(
        z.object({
          exchange: exchangeName,
          state: feedState,
          lastTickAt,
          ageMs: z.int().nullable().meta({ description: 'Now − lastTickAt, ms.' }),
          ticksPerSecond: z.number().meta({ description: 'Mean over the last five seconds.' }),
          reconnects: z.int(),
        }),
      ),
      storage: z.object(part),
      cache: z.object(part),
      tickLog: z.object({ ...part, bytes: z.int().meta({ description: 'On disk, bytes.' }), segments: z.int() }),
    })
    .meta({ description: 'How it is.' }) satisfies z.ZodType<HealthReport>,
);

export const liveness = component(
  'Liveness',
  z.object({ status: z.literal('ok') }).meta({ description: 'The process answers.' }),
);

export const readiness = component(
  'Readiness',
  z
    .object({
      ready: z.boolean(),
      reasons: z.array(z.string()).meta({ description: 'Why not, empty when ready.' }),
    })
    .meta({ description: 'Ready to answer.' }) satisfies z.ZodType<Readiness>,
);

const reasonCounts = Object.fromEntries(REJECTION_REASONS.map((reason) => [reason, z.int()]));
const rejected = z.object(reasonCounts as Record<RejectionReason, z.ZodInt>).meta({ description: 'Ticks by reason.' });

export const auditReport = component(
  'Audit',
  z
    .object({
      received: ticks.meta({ description: 'All that came: accepted + Σ rejected.' }),
      accepted: ticks.meta({ description: 'In the log and not rejected: counted + open.' }),
      rejected,
      counted: ticks.meta({ description: 'Accepted and in candles.' }),
      open: ticks.meta({ description: 'Accepted and not yet folded.' }),
      balanced: z.boolean().meta({ description: 'The sums, from counters kept apart, agree.' }),
      inCandles: ticks.meta({ description: 'Ticks in candles, added up from the candles.' }),
      damaged: z
        .object({ batches: z.int(), ticks: z.int() })
        .meta({ description: 'Log batches that could not be read back, and the ticks known to be in them.' }),
      position: z
        .object({ log: z.int(), folded: z.int(), checkpoint: z.int() })
        .meta({ description: 'Log positions: newest record, newest folded, last checkpoint.' }),
      exchanges: z.array(
        z.object({ mode: modeName, exchange: exchangeName, received: ticks, counted: ticks, rejected }),
      ),
    })
    .meta({ description: "The books, over the data folder's life." }) satisfies z.ZodType<Audit>,
);

const symbolInfo = z.object({
  symbol: symbolName,
  status: priceStatus.nullable().meta({ description: 'Best over the exchanges; null: no tick yet.' }),
  exchanges: z.array(
    z.object({
      exchange: exchangeName,
      status: priceStatus,
      lastTickAt: instantMs.meta({ description: 'Our time of the newest tick, Unix ms.' }),
    }),
  ),
}) satisfies z.ZodType<SymbolInfo>;

export const symbolList = component(
  'Symbols',
  z
    .object({ symbols: z.array(symbolInfo) })
    .meta({ description: 'The accepted symbols, and those that prices of the current mode are known of.' }),
);

const exchangeInfo = z.object({
  exchange: exchangeName,
  mode: modeName,
  state: feedState,
  address: z
    .string()
    .nullable()
    .meta({
      description: 'Where it is listened to; null: nowhere at the moment.',
      examples: ['tcp://127.0.0.1:40101'],
    }),
  symbols: z.array(symbolName),
  lastTickAt,
}) satisfies z.ZodType<ExchangeInfo>;

export const exchangeList = component(
  'Exchanges',
  z
    .object({ exchanges: z.array(exchangeInfo) })
    .meta({ description: 'The exchanges of the current mode, and those that prices of it are known of.' }),
);
