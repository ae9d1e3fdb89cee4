import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { atEnd, type CleanUp } from './clean-up.ts';

const CHROMIUM = '/usr/bin/chromium';
/** Of everything that is waited for in a page. */
export const PAGE_DEADLINE_MS = 20_000;

/** Debian's Chromium, without a window. */
export async function openBrowser(cleanUp: CleanUp): Promise<Browser> {
  if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is missing: make servers installs it`);
  const isRoot = process.getuid?.() === 0;
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--disable-dev-shm-usage', ...(isRoot ? ['--no-sandbox'] : [])],
  });
  atEnd(cleanUp, () => browser.close());
  return browser;
}

/** A page that is looked at, and what went wrong in it. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors of scripts, the console and policies; those of connections that failed are in `failures`. */
  readonly errors: string[];
  readonly failures: string[];
  /** Hosts that something was asked of. */
  readonly hosts: Set<string>;
  /** Paths of requests, with their queries. */
  readonly paths: string[];
  /** Bytes of answers as they came over the wire, headers included; WebSockets are not in it. */
  transferredBytes(): number;
  close(): Promise<void>;
}

export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Asia/Kolkata', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PAGE_DEADLINE_MS);
  const errors: string[] = [];
  const failures: string[] = [];
  const hosts = new Set<string>();
  const paths: string[] = [];
  const note = (url: string): void => {
    const { protocol, host, pathname, search } = new URL(url);
    if (protocol === 'data:') return;
    hosts.add(host);
    paths.push(pathname + search);
  };
  page.on('request', (request) => note(request.url()));
  page.on('websocket', (socket) => note(socket.url()));
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const isConnection = /Failed to load resource|WebSocket connection/.test(message.text());
    (isConnection ? failures : errors).push(message.text());
  });
  let bytes = 0;
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  return { page, errors, failures, hosts, paths, transferredBytes: () => bytes, close: () => context.close() };
}
