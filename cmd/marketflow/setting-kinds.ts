import * as z from 'zod';
import { parseRedisAddress } from '../../internal/adapter/out/redis/redis-address.ts';
import { formatEndpoint, parseEndpoint } from '../../pkg/config/endpoint.ts';
import { hideSecrets } from '../../pkg/config/secrets.ts';
import { listItems, type Setting, text } from '../../pkg/config/setting.ts';
import { formatDuration, parseDurationMs } from '../../pkg/config/units.ts';

const SOURCES_MAX = 32;
export const SYMBOLS_MAX = 2_000;
const SPLIT_ROLES = ['collector', 'aggregator', 'alerter'];
const INTERVALS_MAX = 16;
const WEEK_MS = 7 * 86_400_000;

/** all: the whole pipeline · api: answers out of Redis and PostgreSQL for a process that runs the pipeline. */
export type Role = 'all' | 'api';

/** Where the ticks of one exchange come from. `exchange` is lower case. */
export type Source =
  | { readonly exchange: string; readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly exchange: string; readonly kind: 'generator' };

export function roles(): Setting<readonly Role[]> {
  const item = z.string({ error: 'is not text' }).transform((name, context): Role => {
    if (name === 'all' || name === 'api') return name;
    const split = SPLIT_ROLES.includes(name);
    const message = split ? 'needs Kafka, and is not in this version' : 'is not a role';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
  const names = z.array(item).nonempty('has no role');
  return {
    schema: listItems().pipe(
      names.max(1, 'has several roles').check((context) => addRepeated(context, (name) => name)),
    ),
    rule: 'all or api',
    fallback: 'all',
    show: (value) => value.join(','),
  };
}

export function symbols(fallback: string): Setting<readonly string[] | '*'> {
  const item = z.string('is not text (quote it)').regex(/^(\*|[A-Za-z0-9:_\-./]{1,32})$/, 'is not a symbol');
  const names = z
    .array(item)
    .nonempty('has no symbol')
    .max(SYMBOLS_MAX, 'has too many symbols')
    .refine((list) => list.length === 1 || !list.includes('*'), 'has names beside *');
  return {
    schema: listItems()
      .pipe(names.check((context) => addRepeated(context, (name) => name.toUpperCase())))
      .transform((list) => (list[0] === '*' ? '*' : list.map((name) => name.toUpperCase()))),
    rule: `* alone, or up to ${SYMBOLS_MAX} names of 1 to 32 letters, digits or : _ - . /, each once in whatever case`,
    fallback,
    show: (value) => (value === '*' ? value : value.join(',')),
  };
}

export function sources(fallback: string): Setting<readonly Source[]> {
  const item = z.string('is not text').transform((entry, context): Source => {
    const source = parseSource(entry);
    if (typeof source === 'object') return source;
    context.addIssue({ code: 'custom', message: source });
    return z.NEVER;
  });
  const list = z.array(item).nonempty('has no source').max(SOURCES_MAX, 'has too many sources');
  return {
    schema: listItems().pipe(list.check((context) => addRepeated(context, ({ exchange }) => exchange))),
    rule: `name=tcp://host:port or name=generator, 1 to ${SOURCES_MAX} of them, each name once and of at most 32 letters, digits, _ or -`,
    fallback,
    show: (value) => value.map(formatSource).join(','),
  };
}

/** `exchange1=tcp://127.0.0.1:40101` or `gen=generator`; else what is wrong with it. */
function parseSource(entry: string): Source | string {
  const [, name = '', address = ''] = /^([^=]*)=(.*)$/s.exec(entry) ?? [];
  if (address === '') return 'is not of the form name=address';
  const exchange = name.trim().toLowerCase();
  if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(exchange)) return 'has no proper exchange name';
  const [, kind = '', rest = ''] = /^([^:]*)(.*)$/s.exec(address.trim()) ?? [];
  if (kind === 'generator') return rest === '' ? { exchange, kind } : 'has no proper address';
  if (kind === 'tcp') {
    const endpoint = rest.startsWith('://') ? parseEndpoint(rest.slice(3)) : null;
    return endpoint === null ? 'has no proper address' : { exchange, kind, ...endpoint };
  }
  if (parseEndpoint(address.trim()) !== null) return 'lacks tcp:// before the address';
  return rest === '' ? 'has no proper address' : `is a source of the kind ${kind}, which is not in this version`;
}

function formatSource(source: Source): string {
  return `${source.exchange}=${source.kind === 'tcp' ? `tcp://${formatEndpoint(source)}` : source.kind}`;
}

function addRepeated<T>(context: z.core.ParsePayload<readonly T[]>, nameOf: (item: T) => string): void {
  const seen = new Set<string>();
  for (const [index, item] of context.value.entries()) {
    const name = nameOf(item);
    if (seen.has(name)) {
      context.issues.push({ code: 'custom', message: 'is there more than once', path: [index], input: name });
    }
    seen.add(name);
  }
}

/** A server that later versions use: its name is known, so that an empty value is accepted and another explained. */
export function notYet(server: string): Setting<string> {
  return {
    schema: z.string('is not text').max(0, `is of no use: ${server} is not in this version`),
    rule: 'empty',
    fallback: '',
    show: (value) => value,
  };
}

/** `postgres://user:password@host:port/database?…`, or empty. */
export function postgresUrl(): Setting<string> {
  return url('a PostgreSQL', ['postgres:', 'postgresql:'], 'postgres://user:password@host:5432/database');
}

/** One server, Sentinels or the nodes of a cluster, or empty. */
export function redisUrl(): Setting<string> {
  const forms = [
    'redis://user:password@host:6379/0',
    'redis+sentinel://host:26379,host:26379/master/0',
    'redis+cluster://host:6379,host:6379',
  ];
  const rule = `empty, or of the form ${forms.join(' or ')} (rediss for TLS)`;
  const accepts = (value: string): boolean => value === '' || parseRedisAddress(value) !== null;
  return { ...text(accepts, 'is not a Redis address', rule, ''), show: hideSecrets };
}

function url(server: string, schemes: readonly string[], example: string): Setting<string> {
  const accepts = (value: string): boolean => {
    if (value === '') return true;
    // Several hosts are no URL to the parser: the first one stands for all.
    const one = value.replace(/,[^/?]*/, '');
    return URL.canParse(one) && schemes.includes(new URL(one).protocol) && new URL(one).hostname !== '';
  };
  return {
    ...text(accepts, `is not ${server} address`, `empty, or of the form ${example}`, ''),
    show: hideSecrets,
  };
}

/** An SQL name that needs no quotes. */
export function sqlName(fallback: string): Setting<string> {
  const rule = 'a lower-case SQL name of at most 63 letters, digits or _';
  return text((value) => /^[a-z_][a-z0-9_]{0,62}$/.test(value), 'is not an SQL name', rule, fallback);
}

/** A duration in milliseconds, or `off` = null. */
export function durationOrOff(min: string, max: string, fallback: string): Setting<number | null> {
  const minMs = parseDurationMs(min) ?? Number.NaN;
  const maxMs = parseDurationMs(max) ?? Number.NaN;
  return {
    schema: z.string('is not text').transform((input, context) => {
      const given = input.trim();
      if (given === 'off') return null;
      const ms = parseDurationMs(given);
      if (ms !== null && ms >= minMs && ms <= maxMs) return ms;
      const problem = ms === null ? 'is not a duration' : ms < minMs ? 'is too small' : 'is too large';
      context.addIssue({ code: 'custom', message: problem });
      return z.NEVER;
    }),
    rule: `off, or a duration from ${min} to ${max}, in whole ms, s, m, h or d`,
    fallback,
    show: (value) => (value === null ? 'off' : formatDuration(value)),
  };
}

/**
 * Intervals of candles, ascending, ms. Each divides the week and is 1s, or whole minutes; 1m is always among them.
 * `1w` is a week from Monday.
 */
export function intervals(fallback: string): Setting<readonly number[]> {
  const item = z.string('is not text').transform((entry, context): number => {
    const ms = /^[1-9]\d*w$/.test(entry) ? Number(entry.slice(0, -1)) * WEEK_MS : parseDurationMs(entry);
    if (ms !== null && (ms === 1_000 || ms % 60_000 === 0) && ms > 0 && WEEK_MS % ms === 0) return ms;
    context.addIssue({ code: 'custom', message: ms === null ? 'is not an interval' : 'does not divide' });
    return z.NEVER;
  });
  const list = z
    .array(item)
    .max(INTERVALS_MAX, 'has too many intervals')
    .refine((all) => all.includes(60_000), 'lacks 1m');
  return {
    schema: listItems().pipe(
      list
        .check((context) => addRepeated(context, (ms) => String(ms)))
        .transform((all) => all.toSorted((a, b) => a - b)),
    ),
    rule: `1m and up to ${INTERVALS_MAX - 1} more: 1s, or whole minutes that divide a week (5m 15m 30m 1h 4h 1d 1w)`,
    fallback,
    show: (value) => value.map(formatInterval).join(','),
  };
}

function formatInterval(ms: number): string {
  return ms === WEEK_MS ? '1w' : formatDuration(ms);
}
