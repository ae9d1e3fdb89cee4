import { numberAt, textAt } from './column-values.ts';
import type { Link } from './link.ts';
import { PostgresStoreError } from './store-error.ts';

const QUERY_MS = 5_000;

/** The tick log whose positions this process counts in. */
export interface LogIdentity {
  readonly id: string;
  /** Nothing is in it: it may go on behind whatever checkpoint there is. */
  readonly isEmpty: boolean;
}

/**
 * Makes this process the one that writes, and returns the epoch that says so. Whoever had it before can't commit any
 * more. Rejects with `other_log` when the checkpoint counts in the positions of another log and ours is not empty.
 */
export async function takeOwnership(link: Link, log: LogIdentity, label: string): Promise<number> {
  await link.script('BEGIN', QUERY_MS);
  try {
    const create = 'INSERT INTO owner (id, epoch, log_id) VALUES (1, 0, $1) ON CONFLICT DO NOTHING';
    await link.query(create, [log.id], QUERY_MS);
    const [owner = []] = (await link.query('SELECT log_id FROM owner FOR UPDATE', [], QUERY_MS)).rows;
    const hasCheckpoint = (await link.query('SELECT 1 FROM checkpoint', [], QUERY_MS)).rows.length > 0;
    if (textAt(owner, 0) !== log.id && hasCheckpoint && !log.isEmpty) {
      throw new PostgresStoreError(
        'other_log',
        `${label}: its checkpoint belongs to the tick log of another data folder`,
      );
    }
    const take = 'UPDATE owner SET epoch = epoch + 1, log_id = $1, taken_at = now() RETURNING epoch';
    const [taken = []] = (await link.query(take, [log.id], QUERY_MS)).rows;
    await link.script('COMMIT', QUERY_MS);
    return numberAt(taken, 0);
  } catch (error) {
    if (!link.isClosed) await link.script('ROLLBACK', QUERY_MS).catch(() => link.destroy());
    throw error;
  }
}
