import type { FeedState, PriceStatus } from '../../../../../../application/port/in/queries.ts';

/** A shape for each state: colour is not the only difference. */
const SHAPE: Readonly<Record<PriceStatus | FeedState, string>> = {
  live: 'M6 1a5 5 0 1 0 0 10A5 5 0 1 0 6 1z',
  quiet: 'M6 1a5 5 0 1 0 0 10A5 5 0 1 0 6 1zm0 2a3 3 0 1 1 0 6 3 3 0 1 1 0-6z',
  stale: 'M6 .5 12 11.5H0zM5.2 4.5v3.6h1.6V4.5zm0 4.4v1.5h1.6V8.9z',
  down: 'M2.4 1 6 4.6 9.6 1 11 2.4 7.4 6 11 9.6 9.6 11 6 7.4 2.4 11 1 9.6 4.6 6 1 2.4z',
  connecting: 'M1 5h2v2H1zm4 0h2v2H5zm4 0h2v2H9z',
};

export function StatusShape({ status }: { readonly status: PriceStatus | FeedState }) {
  return (
    <svg class={`shape ${status}`} width="9" height="9" viewBox="0 0 12 12" aria-hidden="true" focusable="false">
      <path fill-rule="evenodd" d={SHAPE[status]} />
    </svg>
  );
}
