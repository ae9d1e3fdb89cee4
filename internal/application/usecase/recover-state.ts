import type { MarketState } from '../../domain/service/market-state.ts';
import type { Happenings } from '../port/out/happenings.ts';
import type { TickLog } from '../port/out/tick-log.ts';

/** Folds in what the log holds beyond the checkpoint that `state` was restored from: the same code as for live ticks. */
export async function replayLog(
  state: MarketState,
  log: TickLog,
  happenings: Happenings,
  nowMs: () => number,
): Promise<void> {
  const fromMs = nowMs();
  let records = 0;
  let ticks = 0;
  for await (const { position, record } of log.read(state.position)) {
    state.apply(record, position);
    records++;
    if (record.kind === 'ticks') ticks += record.batch.count;
    if (record.kind === 'damage') happenings.logDamaged(record.batches, record.ticks);
  }
  happenings.replayed(records, ticks, nowMs() - fromMs);
}
