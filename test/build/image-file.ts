import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, normalize, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** One stage of deployments/Dockerfile: what it says, and the files that it puts into the image. */
export class ImageStage {
  readonly base: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  private readonly instructions: readonly Instruction[];

  constructor(name: string, args: Readonly<Record<string, string>> = {}) {
    const all = readInstructions();
    const isFrom = ({ name }: Instruction) => name === 'FROM';
    const start = all.findIndex((line) => isFrom(line) && line.text.endsWith(` AS ${name}`));
    if (start < 0) throw new Error(`no stage ${name} in the Dockerfile`);
    const next = all.findIndex((line, index) => index > start && isFrom(line));
    const first = all.findIndex(isFrom);
    const global = argumentsOf(all.slice(0, first), {});
    this.base = substitute(all[start]?.text.split(' ')[0] ?? '', global);
    const own = all.slice(start + 1, next < 0 ? all.length : next);
    const values: Record<string, string> = argumentsOf(own, args);
    this.instructions = own.map((line) => ({ name: line.name, text: substitute(line.text, values) }));
    this.environment = this.pairs('ENV');
    this.labels = this.pairs('LABEL');
  }

  one(name: string): string {
    const found = this.instructions.filter((line) => line.name === name);
    const [line] = found;
    if (line === undefined || found.length > 1) throw new Error(`${found.length} × ${name}`);
    return line.text;
  }

  /** The exec form of ENTRYPOINT, or of HEALTHCHECK's command. */
  command(name: 'ENTRYPOINT' | 'HEALTHCHECK'): string[] {
    return JSON.parse(this.one(name).replace(/^[^[]*/, '')) as string[];
  }

  user(): { uid: number; gid: number } {
    const [, uid, gid] = /^(\d+):(\d+)$/.exec(this.one('USER')) ?? [];
    if (uid === undefined || gid === undefined) throw new Error(`USER ${this.one('USER')} is no pair of numbers`);
    return { uid: Number(uid), gid: Number(gid) };
  }

  /** Makes the files of the COPY lines under `folder`, readable and runnable by all, writable by nobody. */
  copyFiles(folder: string): void {
    for (const { text } of this.instructions.filter(({ name }) => name === 'COPY')) {
      const words = text.split(/\s+/);
      const fromBuild = words.includes('--from=build');
      const [source = '', target = '', ...rest] = words.filter((word) => !word.startsWith('--'));
      if (rest.length > 0) throw new Error(`COPY ${text}: several sources are not understood here`);
      const from = join(ROOT, fromBuild ? source.replace(/^\/src\//, '') : source);
      const to = join(folder, resolve(this.one('WORKDIR'), target));
      const file = target.endsWith('/') ? join(to, basename(source)) : to;
      mkdirSync(dirname(file), { recursive: true });
      cpSync(from, file, { recursive: true, filter: (path) => !path.endsWith('.test.ts') });
    }
    closeTree(folder);
  }

  private pairs(name: string): Record<string, string> {
    const text = this.instructions.filter((line) => line.name === name).map((line) => line.text);
    return Object.fromEntries(
      [...text.join(' ').matchAll(/([\w.]+)=(?:"([^"]*)"|(\S*))/g)].map(([, key, quoted, plain]) => [
        key,
        quoted ?? plain ?? '',
      ]),
    ) as Record<string, string>;
  }
}

function readInstructions(): Instruction[] {
  const text = readFileSync(join(ROOT, 'deployments/Dockerfile'), 'utf8')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line.replaceAll(/\s+/g, ' ')) ?? [];
      return { name, text: rest.trim() };
    });
}

function argumentsOf(lines: readonly Instruction[], given: Readonly<Record<string, string>>): Record<string, string> {
  const args = lines.filter(({ name }) => name === 'ARG').map(({ text }) => text.split('=') as [string, string]);
  return Object.fromEntries(args.map(([key, fallback]) => [key, given[key] ?? fallback]));
}

/** Only `${NAME}`: a bare `$NAME` is the shell's, at run time. */
function substitute(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
}

function closeTree(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) closeTree(path);
    else chmodSync(path, 0o555);
  }
  chmodSync(normalize(folder), 0o555);
}

/** Whom a container's process runs as: the image's user where the test may change to it, else the test's own. */
export function runAs(user: { uid: number; gid: number }): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? user : {};
}

/** A folder that is writable for that user, as the image makes it for its volume. */
export function makeVolume(path: string, user: { uid: number; gid: number }): void {
  mkdirSync(path, { mode: 0o750 });
  if (process.getuid?.() === 0) chownSync(path, user.uid, user.gid);
}
