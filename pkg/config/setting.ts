import * as z from 'zod';
import { formatDuration, formatSize, parseDurationMs, parseSizeBytes } from './units.ts';

/** One leaf of the configuration: how it is read, what it may be, what it is when nobody sets it. */
export interface Setting<T> {
  /** From what a file holds (any scalar, list or mapping) or what the environment or a flag holds (text). */
  readonly schema: z.ZodType<T>;
  /** Completes "must be …". The messages of `schema` say only what is wrong with the value: "is too large". */
  readonly rule: string;
  /** The default, as it would be written in a file. */
  readonly fallback: string | number;
  /** A value as it would be written in a file: reading it again gives the same value. */
  show(value: T): string | number;
}

/** Dotted key → setting. The order is the order of every listing. */
export type SettingTable = Readonly<Record<string, Setting<unknown>>>;

export type ValuesOf<T extends SettingTable> = {
  readonly [K in keyof T]: T[K] extends Setting<infer V> ? V : never;
};

export function integer(min: number, max: number, fallback: number): Setting<number> {
  return {
    schema: reading(readInteger, 'is not a whole number').pipe(range(min, max)),
    rule: `a whole number from ${min} to ${max}`,
    fallback,
    show: (value) => value,
  };
}

export function decimal(min: number, max: number, fallback: number): Setting<number> {
  return {
    schema: reading(readNumber, 'is not a number').pipe(range(min, max)),
    rule: `a number from ${min} to ${max}`,
    fallback,
    show: (value) => value,
  };
}

/** Milliseconds; `min`, `max` and `fallback` as in a file: `10s`, `7d`. */
export function duration(min: string, max: string, fallback: string): Setting<number> {
  const read = (input: unknown): number | null => readAmount(input, parseDurationMs);
  return {
    schema: reading(read, 'is not a duration').pipe(range(parseDurationMs(min) ?? NaN, parseDurationMs(max) ?? NaN)),
    rule: `a duration from ${min} to ${max}, in whole ms, s, m, h or d`,
    fallback,
    show: formatDuration,
  };
}

/** Bytes; `min`, `max` and `fallback` as in a file: `64KiB`, `4GiB`. */
export function size(min: string, max: string, fallback: string): Setting<number> {
  const read = (input: unknown): number | null => readAmount(input, parseSizeBytes);
  return {
    schema: reading(read, 'is not a size').pipe(range(parseSizeBytes(min) ?? NaN, parseSizeBytes(max) ?? NaN)),
    rule: `a size from ${min} to ${max}, in whole B, KiB, MiB, GiB or TiB`,
    fallback,
    show: formatSize,
  };
}

export function choice<const T extends readonly [string, ...string[]]>(
  names: T,
  fallback: T[number],
): Setting<T[number]> {
  const read = (input: unknown): T[number] | null => names.find((name) => name === trimmed(input)) ?? null;
  return {
    schema: reading(read, 'is not known'),
    rule: `one of ${names.join(', ')}`,
    fallback,
    show: (value) => value,
  };
}

/** Text that passes `accepts`; `problem` says what it is when it does not. */
export function text(
  accepts: (value: string) => boolean,
  problem: string,
  rule: string,
  fallback: string,
): Setting<string> {
  return {
    schema: z.string({ error: 'is not text' }).refine(accepts, { error: problem }),
    rule,
    fallback,
    show: (value) => value,
  };
}

/**
 * Input of a list: text with commas, a list of texts, or a mapping, whose entries become `name=value`.
 * Pipe it into `z.array(…)`: the index in the path of an issue then tells which item is wrong.
 */
export function listItems(): z.ZodType<unknown[]> {
  return reading(readItems, 'is neither text nor a list');
}

function reading<T>(read: (input: unknown) => T | null, problem: string): z.ZodType<T> {
  return z.unknown().transform((input, context) => {
    const value = read(input);
    if (value !== null) return value;
    context.addIssue({ code: 'custom', message: problem });
    return z.NEVER;
  });
}

function range(min: number, max: number): z.ZodType<number, number> {
  return z.number().min(min, { error: 'is too small' }).max(max, { error: 'is too large' });
}

function readNumber(input: unknown): number | null {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed(input)) ? Number(input) : NaN;
  return Number.isFinite(value) ? value : null;
}

function readInteger(input: unknown): number | null {
  const value = readNumber(input);
  return Number.isInteger(value) ? value : null;
}

function readAmount(input: unknown, parse: (text: string) => number | null): number | null {
  return parse(trimmed(input));
}

function readItems(input: unknown): unknown[] | null {
  if (typeof input === 'string') return input.split(',').map((item) => item.trim());
  if (Array.isArray(input)) return input.map((item: unknown) => (typeof item === 'string' ? item.trim() : item));
  if (typeof input !== 'object' || input === null) return null;
  return Object.entries(input).map(([name, value]) => (typeof value === 'string' ? `${name}=${value}` : value));
}

/** Text of a text or a number; empty, which is nothing's text, for all else. */
function trimmed(input: unknown): string {
  if (typeof input === 'string') return input.trim();
  return typeof input === 'number' ? String(input) : '';
}
