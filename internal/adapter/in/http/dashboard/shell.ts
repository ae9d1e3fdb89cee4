import { escapeHtml } from '../page.ts';
import type { DashboardManifest } from './assets.ts';

export interface ShellParts extends DashboardManifest {
  /** As in URLs: `1m`; ascending. */
  readonly intervals: readonly string[];
  readonly version: string;
  /** False: this process has no stream, the page has to ask. */
  readonly hasStream: boolean;
}

/** Three candles, up, down, up. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http:%2F%2Fwww.w3.org%2F2000%2Fsvg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%23182330'/%3E%3Cpath d='M4 4v9M8 2v9M12 3v10' stroke='%2390a0b0'/%3E%3Cpath d='M3 7h2v4H3zM11 5h2v5h-2z' fill='%233fb68b'/%3E%3Cpath d='M7 4h2v5H7z' fill='%23e0666e'/%3E%3C/svg%3E";

/** The page without its content, which the script makes. What differs between servers is in attributes of `html`. */
export function renderShell({ script, style, intervals, version, hasStream }: ShellParts): string {
  return `<!doctype html>
<html lang="en" data-intervals="${escapeHtml(intervals.join(' '))}" data-version="${escapeHtml(version)}"${hasStream ? '' : ' data-stream="none"'}>
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>MarketFlow</title><meta name="color-scheme" content="light dark"><link rel="icon" href="${ICON}">
<link rel="stylesheet" href="/assets/${escapeHtml(style)}"><script type="module" src="/assets/${escapeHtml(script)}"></script></head>
<body><div id="dashboard"><p class="starting">Loading…</p></div>
<noscript><p class="starting">The dashboard needs JavaScript; <a href="/docs">the API pages</a> do not.</p></noscript></body></html>
`;
}
