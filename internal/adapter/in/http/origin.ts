import type { IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';

/** Browsers name the page's origin, programs send none: false for a page of another host than the one it asks. */
export function isOwnOrigin({ headers: { origin, host }, socket }: IncomingMessage): boolean {
  if (origin === undefined) return true;
  const page = URL.parse(origin);
  if (page === null || page.host === '') return false;
  return page.host === URL.parse(`${page.protocol}//${host ?? ''}`)?.host && !isRebound(page, socket);
}

/**
 * DNS rebinding: whoever owns a name may let it lead a browser to a loopback address, and then page and host agree. A
 * proxy on this machine is asked at a port of its own, and a page that came over TLS has a certificate for its name.
 */
function isRebound({ protocol, hostname, port }: URL, { localAddress = '', localPort }: Socket): boolean {
  const isLoopback = /^(::ffff:)?127\.|^::1$/.test(localAddress);
  const isDirect = protocol === 'http:' && Number(port || 80) === localPort;
  return (
    isLoopback && isDirect && isIP(hostname.replace(/^\[|\]$/g, '')) === 0 && !/(^|\.)localhost\.?$/.test(hostname)
  );
}
