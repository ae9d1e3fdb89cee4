import { readFileSync, statSync } from 'node:fs';
import { isAlias, isMap, isScalar, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import type { GivenValue, Layer } from './layer.ts';
import { firstProblems, type Problem, problemOf, showValue } from './problem.ts';
import { didYouMean } from './suggestion.ts';

const FILE_MAX_BYTES = 1_048_576;
const TOO_DEEP = 'is nested too deeply: must be two levels of keys';
/** The parser needs seconds for a file that is full of these. */
const OPENERS_IN_A_ROW = /(?:[[{]\s*){100}/;

/** Values of a YAML file: sections are mappings, and an entry without a value is not set. */
export function readConfigFile(path: string, keys: readonly string[]): Layer {
  const content = readText(path);
  if (typeof content !== 'string') return { given: [], problems: [content] };
  try {
    return new FileReader(path, content, keys).read();
  } catch (error) {
    // Of this input, the parser throws only when it is nested thousands deep or made of aliases to aliases.
    if (!(error instanceof RangeError) && !(error instanceof ReferenceError)) throw error;
    return { given: [], problems: [fileProblem(path, TOO_DEEP)] };
  }
}

function readText(path: string): string | Problem {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return fileProblem(path, 'is a directory: must be a YAML file');
    if (!stat.isFile()) return fileProblem(path, 'is not a regular file: must be a YAML file');
    const bytes = stat.size > FILE_MAX_BYTES ? null : readFileSync(path);
    if (bytes === null || bytes.length > FILE_MAX_BYTES) return fileProblem(path, 'is too large: must be at most 1MiB');
    const content = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return OPENERS_IN_A_ROW.test(content) ? fileProblem(path, TOO_DEEP) : content;
  } catch (error) {
    return fileProblem(path, `${readFault(error)}: must be a readable YAML file in UTF-8`);
  }
}

function readFault(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this user';
  return code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'is not UTF-8' : `cannot be read (${code || 'unknown cause'})`;
}

/** A fault in the words of the parser, which end in advice for programmers at times. */
function yamlRule(message: string): string {
  return /stack/i.test(message) ? 'nested too deeply' : message.replace(/; please use .*/, ', must be one');
}

function fileProblem(path: string, fault: string): Problem {
  return problemOf('config file', { kind: 'flag', name: '--config' }, `${showValue('config file', path)} ${fault}`);
}

class FileReader {
  readonly #path: string;
  readonly #content: string;
  readonly #keys: ReadonlySet<string>;
  readonly #sections: ReadonlySet<string>;
  readonly #lines = new LineCounter();
  readonly #given: GivenValue[] = [];
  readonly #problems: Problem[] = [];
  readonly #unknown: { readonly key: string; readonly line: number }[] = [];

  constructor(path: string, content: string, keys: readonly string[]) {
    this.#path = path;
    this.#content = content;
    this.#keys = new Set(keys);
    this.#sections = new Set(keys.filter((key) => key.includes('.')).map((key) => key.slice(0, key.lastIndexOf('.'))));
  }

  read(): Layer {
    // Duplicates are found below: the parser's own check compares each key with each other.
    const document = parseDocument(this.#content, {
      lineCounter: this.#lines,
      prettyErrors: false,
      uniqueKeys: false,
      logLevel: 'error',
    });
    const faults = [...document.errors, ...document.warnings];
    this.#problems.push(
      ...firstProblems(faults, ({ message, pos }) =>
        problemOf('config file', this.#origin(this.#lineAt(pos[0])), `is not valid YAML: ${yamlRule(message)}`),
      ),
    );
    const top = document.contents;
    if (faults.length > 0) return { given: [], problems: this.#problems };
    if (isMap(top)) this.#readMapping(top, '', (node) => node.toJS(document));
    else if (top !== null && !(isScalar(top) && top.value === null)) {
      const fault = 'is not a mapping at its top: must be lines of the form "key: value"';
      this.#problems.push(problemOf('config file', this.#origin(this.#line(top)), fault));
    }
    const known = [...this.#sections, ...this.#keys];
    const unknown = firstProblems(this.#unknown, ({ key, line }) =>
      problemOf(
        key,
        this.#origin(line),
        `is not a setting${this.#suggestion(key, known)}: must be a known key or absent`,
      ),
    );
    return { given: this.#given, problems: [...this.#problems, ...unknown] };
  }

  #readMapping(mapping: YAMLMap, prefix: string, toValue: (node: Node) => unknown): void {
    for (const [name, node, line] of this.#entries(mapping, prefix)) {
      const key = prefix + name;
      if (this.#keys.has(key) && !name.includes('.')) {
        if (isMap(node)) this.#entries(node, `${key}.`);
        const value = node === null ? null : toValue(node);
        if (value !== null) this.#given.push({ key, value, origin: this.#origin(line) });
      } else if (!this.#sections.has(key) || name.includes('.')) this.#unknown.push({ key, line });
      else if (isMap(node)) this.#readMapping(node, `${key}.`, toValue);
      else if (node !== null && !(isScalar(node) && node.value === null)) {
        const members = [...this.#keys].filter((known) => known.startsWith(`${key}.`)).join(', ');
        const fault = isAlias(node) ? 'is an alias' : 'is not a mapping';
        this.#problems.push(problemOf(key, this.#origin(line), `${fault}: must hold the keys ${members}`));
      }
    }
  }

  /** Name, value and line of each entry; a name's second use is a problem. */
  #entries(mapping: YAMLMap, prefix: string): [string, Node | null, number][] {
    const firstLines = new Map<string, number>();
    const repeated: { readonly key: string; readonly line: number; readonly firstLine: number }[] = [];
    const entries: [string, Node | null, number][] = [];
    for (const pair of mapping.items) {
      const keyNode = pair.key as Node;
      const name = isScalar(keyNode) ? String(keyNode.value) : '(not text)';
      const line = this.#line(keyNode);
      const firstLine = firstLines.get(name);
      firstLines.set(name, firstLine ?? line);
      if (firstLine === undefined) entries.push([name, pair.value as Node | null, line]);
      else repeated.push({ key: prefix + name, line, firstLine });
    }
    this.#problems.push(
      ...firstProblems(repeated, ({ key, line, firstLine }) =>
        problemOf(key, this.#origin(line), `stands in line ${firstLine} already: must be given once`),
      ),
    );
    return entries;
  }

  #suggestion(key: string, known: readonly string[]): string {
    if (!this.#keys.has(key) || !key.includes('.')) return didYouMean(key, known);
    return ` (write ${key.replace('.', ': { ')}: … }, without the dot)`;
  }

  #origin(line: number): GivenValue['origin'] {
    return { kind: 'file', path: this.#path, line };
  }

  #line(node: Node): number {
    return this.#lineAt(node.range?.[0] ?? 0);
  }

  #lineAt(offset: number): number {
    return Math.max(1, this.#lines.linePos(offset).line);
  }
}
