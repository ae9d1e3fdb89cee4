import { readFileSync } from 'node:fs';
import { helpText, parseArguments, type RunArguments } from './arguments.ts';
import { ExchangeEmulator } from './emulator.ts';
import { Recorder } from './recorder.ts';

const EXIT_WRONG_FLAGS = 64;
const EXIT_UNAVAILABLE = 69;
const EXIT_INTERNAL = 70;

interface Running {
  readonly name: string;
  readonly emulator: ExchangeEmulator;
}

function fail(exitCode: number, sentence: string): never {
  process.stderr.write(`testgen: ${sentence}\n`);
  process.exit(exitCode);
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}

function openRecorder(path: string | null): Recorder | null {
  if (path === null) return null;
  try {
    return new Recorder(path);
  } catch (error) {
    return fail(EXIT_UNAVAILABLE, `--record: can't write ${path}: ${messageOf(error)}`);
  }
}

async function start(run: RunArguments, recorder: Recorder | null): Promise<Running[]> {
  const running: Running[] = [];
  for (const { name, port } of run.exchanges) {
    const emulator = new ExchangeEmulator({ ...run, exchange: name, port, onSent: recorder?.onSent });
    try {
      const address = await emulator.listen();
      const host = address.host.includes(':') ? `[${address.host}]` : address.host;
      process.stdout.write(`${name} listening on tcp://${host}:${address.port}\n`);
    } catch (error) {
      fail(EXIT_UNAVAILABLE, `--exchange: ${name} can't listen on port ${port}: ${messageOf(error)}`);
    }
    running.push({ name, emulator });
  }
  return running;
}

async function stop(running: readonly Running[], recorder: Recorder | null): Promise<void> {
  await Promise.all(running.map(({ emulator }) => emulator.close()));
  recorder?.close();
  for (const { name, emulator } of running) {
    const { lines, connections, droppedConnections, skippedTicks, faults } = emulator.counters;
    const byKind = Object.entries(faults).filter(([, count]) => count > 0);
    const faultText = byKind.map(([kind, count]) => `${kind}=${count}`).join(' ') || 'none';
    process.stdout.write(
      `${name} sent lines=${lines} connections=${connections} dropped=${droppedConnections} skipped=${skippedTicks} faults: ${faultText}\n`,
    );
  }
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version: unknown }).version);
}

async function runUntilSignal(run: RunArguments): Promise<void> {
  const signal = new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const recorder = openRecorder(run.recordPath);
  const running = await start(run, recorder);
  await signal;
  await stop(running, recorder);
}

process.on('uncaughtException', (error) => fail(EXIT_INTERNAL, `internal fault: ${messageOf(error)}`));
// Whoever started us may close our output and let us run on.
process.stdout.on('error', () => {});

const parsed = parseArguments(process.argv.slice(2));
if (parsed.kind === 'wrong') fail(EXIT_WRONG_FLAGS, parsed.problems.join('; '));
if (parsed.kind === 'help') process.stdout.write(helpText());
if (parsed.kind === 'version') process.stdout.write(`testgen ${version()}\n`);
if (parsed.kind === 'run') await runUntilSignal(parsed.run);
