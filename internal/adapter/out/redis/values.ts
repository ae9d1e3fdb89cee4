import { z } from 'zod';
import type {
  Coverage,
  PublishedTick,
  PublishingRun,
  SecondBucket,
  Standing,
  SystemReport,
} from '../../../application/port/out/latest-prices.ts';
import { MINUTE_MS } from '../../../domain/model/candle.ts';
import { MODES } from '../../../domain/model/mode.ts';

/** What stands for a figure that is not known. */
const UNKNOWN = '-';
const SOURCE_FIELDS = 5;
const TICK_FIELDS = 4;
const SECOND_FIELDS = 13;

/** What the source's key holds. */
export interface HeldSource extends Coverage {
  readonly tag: string;
}

export function encodeSource(run: PublishingRun, sequence: number, coverage: Coverage): string {
  return [run.startedAtMs, run.tag, sequence, coverage.coveredFromMs, coverage.storedBeforeMs].join(' ');
}

/** null: it is not ours. */
export function decodeSource(text: string): HeldSource | null {
  const parts = text.split(' ');
  const [, tag = '', , covered, stored] = parts;
  const coverage = { coveredFromMs: Number(covered), storedBeforeMs: Number(stored) };
  if (parts.length !== SOURCE_FIELDS || tag === '') return null;
  return allFinite([coverage.coveredFromMs, coverage.storedBeforeMs]) ? { tag, ...coverage } : null;
}

/** The script that compares two of them reads the first two figures. */
export function encodeTick({ eventAtMs, position, receivedAtMs, price }: PublishedTick): string {
  return `${eventAtMs} ${position} ${receivedAtMs} ${price}`;
}

/** null: it is not ours. */
export function decodeTick(symbol: string, text: string): PublishedTick | null {
  const figures = text.split(' ').map(Number);
  if (figures.length !== TICK_FIELDS || !allFinite(figures)) return null;
  const [eventAtMs = 0, position = 0, receivedAtMs = 0, price = 0] = figures;
  return { symbol, eventAtMs, position, receivedAtMs, price };
}

/** Moments are offsets from the second's opening, ms. The script reads tag, position and count. */
export function encodeSecond(run: PublishingRun, { openMs, position, summary, open, close }: SecondBucket): string {
  const { count, sumHi, sumLo, high, highAtMs, low, lowAtMs, firstAtMs, lastAtMs } = summary;
  const figures = [position, count, sumHi, sumLo, high, highAtMs - openMs, low, lowAtMs - openMs];
  const ends = [firstAtMs - openMs, lastAtMs - openMs, open ?? UNKNOWN, close ?? UNKNOWN];
  return [run.tag, ...figures, ...ends].join(' ');
}

/** null: it is not ours, or said by another run than `tag`. */
export function decodeSecond(symbol: string, openMs: number, text: string, tag: string): SecondBucket | null {
  const parts = text.split(' ');
  if (parts.length !== SECOND_FIELDS || parts[0] !== tag || !Number.isFinite(openMs)) return null;
  const figures = parts.slice(1, 11).map(Number);
  if (!allFinite(figures)) return null;
  const [position = 0, count = 0, sumHi = 0, sumLo = 0, high = 0, highAt = 0, low = 0, lowAt = 0, first = 0, last = 0] =
    figures;
  const [open = null, close = null] = parts.slice(11).map((part) => (part === UNKNOWN ? null : Number(part)));
  const moments = {
    highAtMs: openMs + highAt,
    lowAtMs: openMs + lowAt,
    firstAtMs: openMs + first,
    lastAtMs: openMs + last,
  };
  return { symbol, openMs, position, summary: { count, sumHi, sumLo, high, low, ...moments }, open, close };
}

/** Field of a second in its minute's hash: 0 to 59. */
export function fieldOfSecond(openMs: number): number {
  return (openMs % MINUTE_MS) / 1_000;
}

const standingSchema = z.object({
  mode: z.object({ mode: z.enum(MODES), epoch: z.number(), sinceMs: z.number(), switched: z.boolean() }),
  exchanges: z.object({ live: z.array(z.string()), test: z.array(z.string()) }),
  symbols: z.array(z.string()),
});

export function encodeStanding(run: PublishingRun, standing: Standing): string {
  return `${run.startedAtMs} ${run.tag} ${JSON.stringify(standing)}`;
}

/** null: it is not ours. */
export function decodeStanding(text: string): Standing | null {
  return parsed(standingSchema, text.replace(/^\d+ \S+ /, ''));
}

/** Its parts go out as they come in, and answers have schemas of their own: here only the outline is looked at. */
const reportSchema = z.looseObject({
  atMs: z.number(),
  health: z.looseObject({ status: z.string(), sources: z.array(z.looseObject({ exchange: z.string() })) }),
  audit: z.looseObject({ received: z.number() }),
  symbols: z.array(z.looseObject({ symbol: z.string() })),
  exchanges: z.array(z.looseObject({ exchange: z.string() })),
});

export function decodeReport(text: string): SystemReport | null {
  return parsed(reportSchema, text) as SystemReport | null;
}

function parsed<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function allFinite(figures: readonly number[]): boolean {
  return figures.every(Number.isFinite);
}
