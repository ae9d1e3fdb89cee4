import { intervalMsOf, intervalText } from '../../../domain/model/interval-text.ts';
import { MODES, type Mode } from '../../../domain/model/mode.ts';
import type { ProblemCode } from './problem.ts';

/** What is wrong with a query: the first thing found. */
export interface Refusal {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly extension?: Readonly<Record<string, unknown>>;
}

/** 2100-01-01: no tick is later. */
export const TIME_MAX_MS = 4_102_444_800_000;
/** A range is at most so many intervals long. */
export const RANGE_MAX_INTERVALS = 50_000_000;

/** Query parameters as they came, each at most once. */
export type RawQuery = Readonly<Record<string, string | undefined>>;

/** Reads parameters and notes the first that is wrong; what is read after that means nothing. */
export class QueryReader {
  refusal: Refusal | null = null;
  private readonly query: RawQuery;

  constructor(query: RawQuery) {
    this.query = query;
  }

  raw(name: string): string | null {
    return this.query[name] ?? null;
  }

  refuse(code: ProblemCode, detail: string, extension?: Readonly<Record<string, unknown>>): void {
    this.refusal ??= { code, detail, ...(extension === undefined ? {} : { extension }) };
  }

  choice<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const text = this.query[name] ?? fallback;
    const value = allowed.find((one) => one === text);
    if (value === undefined) this.refuse('invalid_parameter', `${name} is one of ${allowed.join(', ')}.`);
    return value ?? fallback;
  }

  /** Null: the one in force. */
  mode(): Mode | null {
    return this.query['mode'] === undefined ? null : this.choice('mode', MODES, 'live');
  }

  integer(name: string, min: number, max: number, fallback: number, code: ProblemCode = 'invalid_parameter'): number {
    const text = this.query[name];
    if (text === undefined) return fallback;
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) this.refuse(code, `${name} is a whole number from ${min} to ${max}.`);
    return value;
  }

  decimal(name: string, min: number, max: number, fallback: number): number {
    const text = this.query[name];
    if (text === undefined) return fallback;
    const value = /^[0-9]{1,3}(\.[0-9]{1,6})?$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) this.refuse('invalid_parameter', `${name} is a number from ${min} to ${max}.`);
    return value;
  }

  interval(allowedMs: readonly number[]): number {
    const text = this.query['interval'] ?? '1m';
    const intervalMs = intervalMsOf(text);
    if (intervalMs !== null && allowedMs.includes(intervalMs)) return intervalMs;
    const intervals = allowedMs.map(intervalText);
    this.refuse('invalid_interval', `interval is one of ${intervals.join(', ')}.`, { intervals });
    return allowedMs[0] ?? 1;
  }

  /** `intervalMs` null: the length does not matter. A range that goes up to now may begin later: it is empty. */
  range(intervalMs: number | null, nowMs: number): { fromMs: number | null; toMs: number | null } {
    const fromMs = this.time('from');
    const toMs = this.time('to');
    if (fromMs === null) return { fromMs, toMs };
    if (toMs !== null && fromMs >= toMs) this.refuse('invalid_range', 'from is before to.');
    const longestMs = RANGE_MAX_INTERVALS * (intervalMs ?? Number.POSITIVE_INFINITY);
    if ((toMs ?? nowMs) - fromMs > longestMs) {
      const limit = `${RANGE_MAX_INTERVALS} intervals, here ${longestMs} ms`;
      this.refuse('invalid_range', `A range is at most ${limit}, long. Without from it is the newest candles.`);
    }
    return { fromMs, toMs };
  }

  private time(name: string): number | null {
    const text = this.query[name];
    if (text === undefined) return null;
    const value = /^[0-9]{1,13}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value <= TIME_MAX_MS)) {
      this.refuse('invalid_range', `${name} is a time in Unix milliseconds from 0 to ${TIME_MAX_MS}.`);
    }
    return value;
  }
}

const CODE_OF_PARAMETER: Readonly<Record<string, ProblemCode>> = {
  interval: 'invalid_interval',
  from: 'invalid_range',
  to: 'invalid_range',
  limit: 'invalid_limit',
  cursor: 'invalid_cursor',
};

/** Of a parameter that came twice. The period of /prices is a length of time, that of /v1 a number of candles. */
export function problemOfParameter(route: string, parameter: string): ProblemCode {
  if (parameter === 'period' && !route.startsWith('/v1/')) return 'invalid_period';
  return CODE_OF_PARAMETER[parameter] ?? 'invalid_parameter';
}
