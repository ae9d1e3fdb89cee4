import type { Dashboard } from '../data/dashboard.ts';
import { durationText } from '../data/text.ts';
import { Time } from './time.tsx';

/** There while there is no connection; what it counts down is not read out. */
export function ConnectionBanner({ dashboard }: { readonly dashboard: Dashboard }) {
  const { isLost, hasBeenOpen, heardAtMs } = dashboard;
  return (
    <div role="status" class="banner-place">
      {isLost && (
        <div class="banner">
          <strong>{hasBeenOpen ? 'Connection lost.' : 'No connection.'}</strong>{' '}
          {heardAtMs !== null && (
            <>
              What is shown is of <Time atMs={heardAtMs} />.{' '}
            </>
          )}
          <span aria-hidden="true">{waitText(dashboard)}</span>{' '}
          <button type="button" onClick={() => dashboard.retryNow()}>
            Try now
          </button>
        </div>
      )}
    </div>
  );
}

function waitText({ stream }: Dashboard): string {
  if (stream.kind !== 'lost') return 'Trying…';
  const leftMs = stream.retryAtMs - performance.now();
  return leftMs < 1_000 ? 'Trying…' : `Next try in ${durationText(leftMs)}.`;
}
