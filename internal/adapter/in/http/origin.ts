import type { IncomingHttpHeaders } from 'node:http';

/** Browsers name the page's origin, programs send none: false for a page of another host than the one it asks. */
export function isOwnOrigin({ origin, host }: IncomingHttpHeaders): boolean {
  if (origin === undefined) return true;
  const page = URL.parse(origin);
  return page !== null && page.host !== '' && page.host === URL.parse(`${page.protocol}//${host ?? ''}`)?.host;
}
