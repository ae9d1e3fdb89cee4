import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { LogEntry, LogRecord } from '../../../domain/model/log-record.ts';
import { TickBatch } from '../../../domain/model/tick-batch.ts';
import { type FileOps, nodeFileOps } from './file-ops.ts';
import type { TickLogEvent, WalOptions } from './options.ts';
import { WalTickLog } from './wal-tick-log.ts';

/** What the tests beside this file share; no part of the log. */
export const NOW_MS = 1_740_411_234_567;

export async function inTempDir(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'wal-'));
  try {
    await use(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** `count` ticks of source `seed % 3`, one minute after those of `seed - 1`. */
export function ticks(seed: number, count = 3): LogRecord {
  const batch = new TickBatch(Math.max(1, count));
  batch.reset(seed % 3, 1, NOW_MS + seed);
  for (let i = 0; i < count; i++) batch.push(i, seed + i / 4, minuteMs(seed) + i);
  return { kind: 'ticks', batch };
}

export function minuteMs(seed: number): number {
  return NOW_MS + seed * 60_000;
}

export interface Opened {
  readonly log: WalTickLog;
  readonly events: TickLogEvent[];
  /** Those of one type. */
  of<T extends TickLogEvent['type']>(type: T): Extract<TickLogEvent, { type: T }>[];
}

export async function openLog(dir: string, options: Partial<WalOptions> = {}): Promise<Opened> {
  const events: TickLogEvent[] = [];
  const onEvent = (event: TickLogEvent): void => {
    events.push(event);
  };
  const log = await WalTickLog.open({ dir, durability: 'os', nowMs: () => NOW_MS, onEvent, ...options });
  const isOf = <T extends TickLogEvent['type']>(type: T) => {
    return (event: TickLogEvent): event is Extract<TickLogEvent, { type: T }> => event.type === type;
  };
  return { log, events, of: (type) => events.filter(isOf(type)) };
}

/** Real files, with some of the calls replaced. */
export function faultyOps(faults: Partial<FileOps>): FileOps {
  return { ...nodeFileOps, ...faults };
}

export function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** `position:firstPrice` of ticks, `position:kind` of others. */
export function label({ position, record }: LogEntry): string {
  return `${position}:${record.kind === 'ticks' ? (record.batch.count === 0 ? 'empty' : record.batch.price[0]) : record.kind}`;
}

export async function labels(entries: AsyncIterable<LogEntry>): Promise<string[]> {
  const all: string[] = [];
  for await (const entry of entries) all.push(label(entry));
  return all;
}

export async function damages(entries: AsyncIterable<LogEntry>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const { position, record } of entries) if (record.kind === 'damage') all.push({ position, ...record });
  return all;
}

export async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error('the awaited state did not come');
    await delay(2);
  }
}

export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  return (await Promise.race([promise, delay(30, 'pending')])) === 'pending';
}
