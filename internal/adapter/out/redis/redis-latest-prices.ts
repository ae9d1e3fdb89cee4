import type {
  LatestPrices,
  Published,
  PublishedSeconds,
  PublishedTick,
  PublishingRun,
  SecondBucket,
  SourceNews,
  Standing,
  SystemReport,
} from '../../../application/port/out/latest-prices.ts';
import { MINUTE_MS, SECOND_MS } from '../../../domain/model/candle.ts';
import type { Mode } from '../../../domain/model/mode.ts';
import { Keys } from './keys.ts';
import type { RedisAddress } from './redis-address.ts';
import { RedisError } from './redis-error.ts';
import { RedisLink } from './redis-link.ts';
import { Rivals } from './rivals.ts';
import {
  decodeReport,
  decodeSecond,
  decodeSource,
  decodeStanding,
  decodeTick,
  encodeSecond,
  encodeSource,
  encodeStanding,
  encodeTick,
  fieldOfSecond,
} from './values.ts';

/** A minute's seconds are gone this long after it opened: ten minutes, the minute itself, and a minute of grace. */
const SECONDS_LIFE_MS = 12 * MINUTE_MS;
/** … but not before they could be read. */
const LIFE_MIN_MS = MINUTE_MS;
const REPORT_LIFE_MS = 5_000;
/** Of several runs that take over at once each is ahead of the ended one by another figure. */
const AHEAD_MAX_MS = 1_000;
/** Minutes that one question may span. */
const MINUTES_MAX = 16;

export interface RedisLatestPricesOptions {
  readonly address: RedisAddress;
  /** Starts every key. */
  readonly prefix: string;
  readonly run: PublishingRun;
  readonly nowMs: () => number;
  readonly random: () => number;
}

/** What this run has said of one source, as far as it was confirmed. */
interface Said {
  sequence: number;
  pairs: boolean;
}

/** Latest prices in Redis; keys and values are in README.md. All failures are RedisErrors. */
export class RedisLatestPrices implements LatestPrices {
  readonly kind = 'redis';
  private readonly options: RedisLatestPricesOptions;
  private readonly keys: Keys;
  private readonly link: RedisLink;
  private readonly said = new Map<string, Said>();
  private readonly rivals = new Rivals();
  private run: PublishingRun;

  /** Returns at once: until the server is there, calls reject. */
  constructor(options: RedisLatestPricesOptions) {
    this.options = options;
    this.run = options.run;
    this.keys = new Keys(options.prefix);
    this.link = new RedisLink(options.address, options.random);
  }

  async publish(news: SourceNews): Promise<Published> {
    const { mode, exchange, latest, full } = news;
    const { run } = this;
    const sourceKey = this.keys.source(mode, exchange);
    const said = this.said.get(sourceKey) ?? { sequence: 0, pairs: false };
    const sequence = said.sequence + 1;
    const pairs: string[] = [];
    for (const tick of latest) pairs.push(tick.symbol, encodeTick(tick));
    const seconds = this.secondsByKey(news);
    const keys = [sourceKey, this.keys.latest(mode, exchange), ...seconds.keys];
    const held = encodeSource(run, sequence, news);
    const head = [run.startedAtMs, run.tag, full ? 1 : 0, said.sequence, said.pairs ? 1 : 0, held];
    const values = [...keys, ...head, latest.length, ...pairs, ...seconds.values];
    const answer = await this.tell((client) => client.marketflowPublish(keys.length, values));
    const [outcome, heldStart = '', text = ''] = answer;
    if (outcome === 'superseded' && this.rivals.isGone(sourceKey, text)) this.takeOver(heldStart);
    const published = asPublished(answer);
    if (published.outcome === 'done') {
      const isForeign = published.foreignKeys.includes(this.keys.latest(mode, exchange));
      this.said.set(sourceKey, { sequence, pairs: !isForeign && (said.pairs || latest.length > 0) });
    }
    return published;
  }

  async announce(standing: Standing): Promise<Published> {
    const { run } = this;
    const value = encodeStanding(run, standing);
    const answer = await this.tell((client) =>
      client.marketflowAnnounce(this.keys.current, run.startedAtMs, run.tag, value),
    );
    const [outcome, heldStart = ''] = answer;
    // Names hardly ever change; who publishes reports.
    if (outcome === 'superseded') {
      const report = await this.tell((client) => client.get(this.keys.report));
      if (this.rivals.isGone(this.keys.report, report ?? '')) this.takeOver(heldStart);
    }
    return asPublished(answer);
  }

  async report({ atMs, ...rest }: SystemReport): Promise<Published> {
    const value = JSON.stringify({ atMs, ...rest });
    return asPublished(
      await this.link.run((client) => client.marketflowReport(this.keys.report, value, REPORT_LIFE_MS)),
    );
  }

  async standing(): Promise<Standing | null> {
    const text = await this.link.run((client) => client.get(this.keys.current));
    return text === null ? null : decodeStanding(text);
  }

  async lastReport(): Promise<SystemReport | null> {
    const text = await this.link.run((client) => client.get(this.keys.report));
    return text === null ? null : decodeReport(text);
  }

  async latest(mode: Mode, exchange: string, symbol: string): Promise<PublishedTick | null> {
    const text = await this.link.run((client) => client.hget(this.keys.latest(mode, exchange), symbol));
    return text === null ? null : decodeTick(symbol, text);
  }

  async seconds(
    mode: Mode,
    exchange: string,
    symbol: string,
    fromMs: number,
    toMs: number,
  ): Promise<PublishedSeconds | null> {
    const { keys } = this;
    const minutes = minutesOf(fromMs, toMs);
    const [source, tick, ...hashes] = await this.link.run((client) =>
      Promise.all([
        client.get(keys.source(mode, exchange)),
        client.hget(keys.latest(mode, exchange), symbol),
        ...minutes.map((minuteMs) => client.hgetall(keys.seconds(mode, exchange, symbol, minuteMs))),
      ]),
    );
    const held = source === null ? null : decodeSource(source);
    if (held === null) return null;
    const seconds: SecondBucket[] = [];
    for (const [k, hash] of hashes.entries()) {
      for (const [field, text] of Object.entries(hash)) {
        const openMs = (minutes[k] ?? 0) + Number(field) * SECOND_MS;
        const second = openMs >= fromMs && openMs < toMs ? decodeSecond(symbol, openMs, text, held.tag) : null;
        if (second !== null) seconds.push(second);
      }
    }
    const { coveredFromMs, storedBeforeMs } = held;
    const latest = tick === null ? null : decodeTick(symbol, tick);
    return { coveredFromMs, storedBeforeMs, latest, seconds: seconds.sort((a, b) => a.openMs - b.openMs) };
  }

  async close(): Promise<void> {
    this.link.close();
  }

  private async tell<T>(work: Parameters<typeof RedisLink.prototype.run<T>>[0]): Promise<T> {
    try {
      return await this.link.run(work);
    } catch (error) {
      this.rivals.forget();
      throw error;
    }
  }

  /** From the next call on this run counts as the later one. */
  private takeOver(heldStart: string): void {
    const startedAtMs = Number(heldStart) + 1 + Math.floor(this.options.random() * AHEAD_MAX_MS);
    if (Number.isSafeInteger(startedAtMs)) this.run = { ...this.run, startedAtMs };
    this.rivals.forget();
  }

  /** Keys of the minutes, and the script's arguments for them in the same order. */
  private secondsByKey({ mode, exchange, seconds }: SourceNews): { keys: string[]; values: (string | number)[] } {
    const { run } = this;
    const nowMs = this.options.nowMs();
    const byKey = new Map<string, (string | number)[]>();
    for (const second of seconds) {
      const key = this.keys.seconds(mode, exchange, second.symbol, second.openMs);
      let values = byKey.get(key);
      if (values === undefined) {
        const minuteMs = second.openMs - (second.openMs % MINUTE_MS);
        values = [Math.max(LIFE_MIN_MS, Math.round(minuteMs + SECONDS_LIFE_MS - nowMs)), 0];
        byKey.set(key, values);
      }
      values[1] = (values[1] as number) + 1;
      values.push(fieldOfSecond(second.openMs), encodeSecond(run, second));
    }
    return { keys: [...byKey.keys()], values: [...byKey.values()].flat() };
  }
}

function minutesOf(fromMs: number, toMs: number): number[] {
  const minutes: number[] = [];
  for (let minuteMs = fromMs - (fromMs % MINUTE_MS); minuteMs < toMs; minuteMs += MINUTE_MS) {
    if (minutes.length === MINUTES_MAX) throw new RedisError('internal', `more than ${MINUTES_MAX} minutes at once`);
    minutes.push(minuteMs);
  }
  return minutes;
}

function asPublished([outcome, ...foreignKeys]: readonly string[]): Published {
  if (outcome === 'superseded') return { outcome, foreignKeys: [] };
  if (outcome === 'done' || outcome === 'lost') return { outcome, foreignKeys };
  throw new RedisError('internal', `unexpected answer ${String(outcome)}`);
}
