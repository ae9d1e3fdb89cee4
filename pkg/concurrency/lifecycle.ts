import { DeadlineError, withDeadline } from './deadline.ts';

export type Part = {
  readonly name: string;
  /** A part whose start fails cleans up after itself. One that passes its deadline is stopped, as it may yet come up. */
  start?(): Promise<void> | void;
  stop?(): Promise<void> | void;
  /** For this part's steps, in place of the lifecycle's. */
  readonly deadlineMs?: number;
};

export type LifecycleFailure = { readonly part: string; readonly step: 'start' | 'stop'; readonly cause: unknown };

/** All that failed, in order; `errors` holds the causes. */
export class LifecycleError extends AggregateError {
  readonly code = 'lifecycle';
  readonly failures: readonly LifecycleFailure[];

  constructor(failures: readonly LifecycleFailure[]) {
    const lines = failures.map(({ part, step, cause }) => `${stepName(step, part)}: ${messageOf(cause)}`);
    super(
      failures.map(({ cause }) => cause),
      lines.join('; '),
    );
    this.name = 'LifecycleError';
    this.failures = failures;
  }
}

/** Starts parts in order and stops them in reverse. Both happen once: later calls get the first call's outcome. */
export class Lifecycle {
  readonly #parts: readonly Part[];
  readonly #stepDeadlineMs: number;
  /** What has to be stopped, in order of start. */
  readonly #up: Part[] = [];
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #stopWanted = false;

  constructor(parts: readonly Part[], stepDeadlineMs: number) {
    this.#parts = parts;
    this.#stepDeadlineMs = stepDeadlineMs;
  }

  /**
   * Rejects with LifecycleError when a part fails, after stopping what was up; its failures come behind the first.
   * Resolves early when `stop` is called meanwhile: no further part is started.
   */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Stops every part that is up, whatever fails on the way; then rejects with LifecycleError if something did. */
  stop(): Promise<void> {
    this.#stopWanted = true;
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #start(): Promise<void> {
    for (const part of this.#parts) {
      if (this.#stopWanted) return;
      const failure = await this.#step(part, 'start');
      if (failure === undefined || isOverdue(failure)) this.#up.push(part);
      if (failure !== undefined) throw new LifecycleError([failure, ...(await this.#stopAll())]);
    }
  }

  async #stop(): Promise<void> {
    // A start that failed has stopped its parts itself and told its caller.
    await this.#starting?.catch(() => undefined);
    const failures = await this.#stopAll();
    if (failures.length > 0) throw new LifecycleError(failures);
  }

  async #stopAll(): Promise<LifecycleFailure[]> {
    const failures: LifecycleFailure[] = [];
    for (let part = this.#up.pop(); part !== undefined; part = this.#up.pop()) {
      const failure = await this.#step(part, 'stop');
      if (failure !== undefined) failures.push(failure);
    }
    return failures;
  }

  async #step(part: Part, step: 'start' | 'stop'): Promise<LifecycleFailure | undefined> {
    try {
      await withDeadline(part[step]?.(), part.deadlineMs ?? this.#stepDeadlineMs, stepName(step, part.name));
      return undefined;
    } catch (cause) {
      return { part: part.name, step, cause };
    }
  }
}

/** True for our own deadline; a part may well fail at one of its own. */
function isOverdue({ part, step, cause }: LifecycleFailure): boolean {
  return cause instanceof DeadlineError && cause.what === stepName(step, part);
}

function stepName(step: 'start' | 'stop', part: string): string {
  return `${step} of ${part}`;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
