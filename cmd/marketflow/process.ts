import type { HttpServer } from '../../internal/adapter/in/http/server.ts';
import type { Mode } from '../../internal/domain/model/mode.ts';
import { Lifecycle, type Part } from '../../pkg/concurrency/lifecycle.ts';
import type { Logger } from '../../pkg/logger/logger.ts';
import { EXIT_CODE, StartupError } from './exit-code.ts';
import type { Settings } from './settings.ts';

/** Deadline of a part's start and of its stop, where it has none of its own. All together have that of `command.ts`. */
const STEP_MS = 2_000;

export interface MarketFlowOptions {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly version: string;
  readonly startedAtMs: number;
  readonly nowMs: () => number;
  /** The process can't go on; what is accepted is in the log. */
  readonly onFatal: (cause: unknown) => void;
}

export interface MarketFlow {
  /** Where HTTP answers. */
  readonly url: string;
  /** The mode in force: a remembered one wins over the setting. */
  mode(): Mode;
  /** Start-up in reverse; what is accepted is in the log whether or not it succeeds. */
  stop(): Promise<void>;
}

export interface ProcessParts {
  /** Up before HTTP answers. */
  readonly before: readonly Part[];
  readonly http: HttpServer;
  readonly after: readonly Part[];
  readonly mode: () => Mode;
}

/** Starts the parts of a role in their order. Rejects with a StartupError that says why the process can't be. */
export async function startProcess(
  { server }: Settings,
  { before, http, after, mode }: ProcessParts,
): Promise<MarketFlow> {
  let url = '';
  const listening: Part = {
    name: 'http',
    start: async () => {
      ({ url } = await http.listen(server.host, server.port));
    },
    stop: () => http.close(),
  };
  const life = new Lifecycle([...before, listening, ...after], STEP_MS);
  await life.start().catch((error: unknown) => {
    throw refusedPort(error, server) ?? error;
  });
  return { url, mode, stop: () => life.stop() };
}

/** The HTTP port can't be had: the one refusal of the start that comes out of a part. */
function refusedPort(error: unknown, server: Settings['server']): StartupError | null {
  const causes = error instanceof AggregateError ? error.errors : [error];
  const refused = causes.find(
    (cause: NodeJS.ErrnoException) => cause?.syscall === 'listen' || cause?.syscall === 'getaddrinfo',
  );
  if (refused === undefined) return null;
  const at = `${server.host}:${server.port}`;
  const reason = { EADDRINUSE: 'is taken', EACCES: 'is not allowed', EADDRNOTAVAIL: 'is no address of this machine' }[
    String(refused.code)
  ];
  const message = `server.port: ${at} ${reason ?? `can't be listened on (${refused.code})`}`;
  return new StartupError(EXIT_CODE.unavailable, message, { cause: error });
}
