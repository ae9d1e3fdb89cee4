import type { Audit } from '../../../../../../application/port/in/queries.ts';
import { countText } from '../data/text.ts';

interface AuditLineProps {
  readonly audit: Audit | null;
  readonly failure: string | null;
}

/** One line: do the books balance, and the sums that say so. */
export function AuditLine({ audit, failure }: AuditLineProps) {
  if (audit === null) return <p class="audit">{failure === null ? 'Books: …' : `Books: not known. ${failure}`}</p>;
  const { received, accepted, rejected, counted, open, balanced, damaged } = audit;
  const reasons = Object.entries(rejected).filter(([, count]) => count > 0);
  const refused = reasons.reduce((sum, [, count]) => sum + count, 0);
  const why = reasons.map(([reason, count]) => `${reason} ${countText(count)}`).join(', ');
  const title = `Accepted ${countText(accepted)} = counted in candles ${countText(counted)} + open ${countText(open)}. Rejected: ${why || 'none'}.`;
  return (
    <p class={`audit ${balanced ? 'good' : 'bad'}`} title={title}>
      <strong>
        <span aria-hidden="true">{balanced ? '✓' : '✗'}</span> {balanced ? 'Books balance' : 'Books do NOT balance'}
      </strong>{' '}
      <span class="audit-sums">
        {countText(received)} received = {countText(accepted)} accepted + {countText(refused)} rejected
        {damaged.batches > 0 && `; ${countText(damaged.ticks)} lost in damaged log batches`}
        {failure !== null && ' (not current)'}
      </span>
    </p>
  );
}
