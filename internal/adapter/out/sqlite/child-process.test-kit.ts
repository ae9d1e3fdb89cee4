import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A second process of a test: `source` is an ES module that may import from this folder as `FOLDER/name.ts`. */
export function runModule(source: string): ChildProcess {
  const folder = new URL('.', import.meta.url).href;
  const code = source.replaceAll('FOLDER/', folder);
  return spawn(process.execPath, ['--expose-gc', '--input-type=module', '--eval', code], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Its next line on stdout. */
export async function nextLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no stdout');
  const lines = createInterface({ input: child.stdout });
  const [line]: unknown[] = await once(lines, 'line', { signal: AbortSignal.timeout(10_000) });
  lines.close();
  return String(line);
}

/** What it wrote, once it has ended; by force after 20 s. */
export async function outputOf(child: ChildProcess): Promise<{ stdout: string; stderr: string }> {
  const overdue = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => {
    output.stdout += String(chunk);
  });
  child.stderr?.on('data', (chunk) => {
    output.stderr += String(chunk);
  });
  await once(child, 'close');
  clearTimeout(overdue);
  return output;
}

export async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
