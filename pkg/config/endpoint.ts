import { isIPv4, isIPv6 } from 'node:net';

export interface Endpoint {
  /** IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `host:port` or `[IPv6]:port`, port 1 … 65535; null for anything else. */
export function parseEndpoint(text: string): Endpoint | null {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const port = Number(match[3]);
  if (port < 1 || port > 65_535) return null;
  if (match[1] !== undefined) return isIPv6(match[1]) ? { host: match[1], port } : null;
  const host = match[2] ?? '';
  return isHost(host) ? { host, port } : null;
}

export function formatEndpoint({ host, port }: Endpoint): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An IP address without brackets, or a host name. Nothing is looked up. */
export function isHost(text: string): boolean {
  if (isIPv4(text) || isIPv6(text)) return true;
  // Digits and dots alone are a mistyped address: `127.0.0.256`.
  if (text.length > 253 || /^[\d.]*$/.test(text)) return false;
  return text.split('.').every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i.test(label));
}

export function isLoopback(host: string): boolean {
  return (isIPv4(host) && host.startsWith('127.')) || host === '::1' || host.toLowerCase() === 'localhost';
}
