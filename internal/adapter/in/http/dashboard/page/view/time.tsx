import { timeText, utcText } from '../data/text.ts';

/** Local; in UTC for who points at it. */
export function Time({ atMs }: { readonly atMs: number }) {
  return (
    <time dateTime={new Date(atMs).toISOString()} title={utcText(atMs)}>
      {timeText(atMs)}
    </time>
  );
}
