import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getRawAsset, isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** What deployments/build-dashboard.ts leaves beside the files, as `manifest.json`. */
export interface DashboardManifest {
  /** Names with a hash of their content: what is behind a name never changes. */
  readonly script: string;
  readonly style: string;
}

export type Encoding = 'br' | 'gzip' | 'identity';

export interface Asset {
  readonly bytes: Buffer;
  readonly etag: string;
}

/** Null: there is no such file. */
export type ReadFile = (name: string) => Buffer | null;

const SUFFIX: Readonly<Record<Encoding, string>> = { br: '.br', gzip: '.gz', identity: '' };

/** The built files of the dashboard; nothing is read before the first request for it, and each file once. */
export class DashboardAssets {
  private readonly read: ReadFile;
  private known: DashboardManifest | null = null;
  private readonly assets = new Map<string, Asset>();

  constructor(read: ReadFile = readBuiltFile) {
    this.read = read;
  }

  /** Null: the dashboard has not been built. It is looked for again at the next request. */
  manifest(): DashboardManifest | null {
    if (this.known !== null) return this.known;
    const bytes = this.read('manifest.json');
    this.known = bytes === null ? null : (JSON.parse(bytes.toString()) as DashboardManifest);
    return this.known;
  }

  /** Null: no file of the manifest has this name. */
  asset(name: string, encoding: Encoding): Asset | null {
    const manifest = this.manifest();
    if (manifest === null || (name !== manifest.script && name !== manifest.style)) return null;
    const file = name + SUFFIX[encoding];
    const known = this.assets.get(file);
    if (known !== undefined) return known;
    const bytes = this.read(file);
    if (bytes === null) return null;
    const asset = { bytes, etag: etagOf(bytes) };
    this.assets.set(file, asset);
    return asset;
  }
}

export function etagOf(bytes: Buffer): string {
  return `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`;
}

/** The best of those that files are kept in; RFC 9110, 12.5.3. */
export function acceptedEncoding(header: string | undefined): Encoding {
  const accepted = new Set(
    (header ?? '').split(',').flatMap((part) => {
      const [name = '', ...parameters] = part.toLowerCase().split(';');
      return parameters.some((text) => /^\s*q\s*=\s*0(\.0*)?\s*$/.test(text)) ? [] : [name.trim()];
    }),
  );
  if (accepted.has('br')) return 'br';
  return accepted.has('gzip') ? 'gzip' : 'identity';
}

/** Out of the single executable, or out of the checkout's build folder. */
function readBuiltFile(name: string): Buffer | null {
  try {
    if (isSea()) return Buffer.from(getRawAsset(`dashboard/${name}`));
    return readFileSync(join(fileURLToPath(new URL('../../../../../build/dashboard/', import.meta.url)), name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ERR_SINGLE_EXECUTABLE_APPLICATION_ASSET_NOT_FOUND') return null;
    throw error;
  }
}
