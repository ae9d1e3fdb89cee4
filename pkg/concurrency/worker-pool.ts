import type { Backoff } from './backoff.ts';
import { withDeadline } from './deadline.ts';
import type { PoolWorker } from './pool-worker.ts';

export type WorkerPoolOptions<Task, Result, Message = never> = {
  workers: number;
  /** Tasks that one worker has at a time, at most. Default 2: the next is there when one ends. */
  perWorker?: number;
  spawn: () => PoolWorker<Task, Result, Message>;
  /** Between a worker's death and its replacement, for the whole pool. */
  backoff: Backoff;
  /** A worker that lived so long before its death resets the backoff. Default 30 s. */
  stableMs?: number;
  /** Makes the result of a task that failed twice, or that was unfinished when the pool's time to close was up. */
  onPoisoned: (task: Task, cause: unknown) => Result;
  /** `hasRoom` may have turned true; not called for a task that ran inline, as its caller knows. */
  onRoom?: () => void;
  /** A worker died or could not be made. */
  onWorkerLost?: (cause: unknown, respawnInMs: number) => void;
  /** What a new worker is told before its first task. Default: the newest broadcast, so that must be a whole state. */
  welcome?: () => Message | undefined;
  /** Any clock that does not jump. */
  nowMs?: () => number;
};

export class PoolClosedError extends Error {
  readonly code = 'pool_closed';

  constructor() {
    super('the worker pool was closed');
    this.name = 'PoolClosedError';
  }
}

type Job<Task, Result> = { readonly task: Task; readonly settle: (result: Result) => void; failures: number };

/**
 * Runs each task to exactly one `settle`. An attempt fails when its worker dies or its `run` throws or rejects; the second
 * attempt has a worker to itself, so that a task that kills its worker can't take another with it twice.
 */
export class WorkerPool<Task, Result, Message = never> {
  readonly #options: WorkerPoolOptions<Task, Result, Message>;
  readonly #perWorker: number;
  readonly #nowMs: () => number;
  readonly #seats: Seat<Task, Result, Message>[] = [];
  readonly #respawns = new Set<NodeJS.Timeout>();
  /** Never longer than the pool has places: nothing new is taken while one waits. */
  readonly #retries: Job<Task, Result>[] = [];
  #newest: Message | undefined;
  #unfinished = 0;
  #isClosing = false;
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: WorkerPoolOptions<Task, Result, Message>) {
    this.#options = options;
    this.#perWorker = options.perWorker ?? 2;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    if (options.workers < 1 || this.#perWorker < 1) throw new RangeError('a pool has at least 1 worker for 1 task');
    for (let n = 0; n < options.workers; n++) this.#spawn();
  }

  /** Tasks that are not settled. */
  get unfinished(): number {
    return this.#unfinished;
  }

  get liveWorkers(): number {
    return this.#seats.length;
  }

  get hasRoom(): boolean {
    return !this.#isClosing && this.#retries.length === 0 && this.#freest() !== undefined;
  }

  /** Only when `hasRoom`. `settle` is called once, before this returns if the worker is inline; it must not throw. */
  run(task: Task, settle: (result: Result) => void): void {
    const seat = this.#freest();
    if (seat === undefined || this.#isClosing || this.#retries.length > 0) throw new RangeError('the pool has no room');
    this.#unfinished++;
    this.#attempt({ task, settle, failures: 0 }, seat);
  }

  /** To all workers, in order with their tasks, and to those that come later (see `welcome`). */
  broadcast(message: Message): void {
    this.#newest = message;
    for (const seat of this.#seats) seat.worker.broadcast?.(message);
  }

  /** Takes nothing more, gives what runs `graceMs` to end, closes the workers, and settles the rest by `onPoisoned`. */
  close(graceMs = 5_000): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  #freest(): Seat<Task, Result, Message> | undefined {
    let freest: Seat<Task, Result, Message> | undefined;
    let fewest = this.#perWorker;
    for (const seat of this.#seats) {
      if (seat.isExclusive || seat.jobs.size >= fewest) continue;
      freest = seat;
      fewest = seat.jobs.size;
      if (fewest === 0) break;
    }
    return freest;
  }

  #attempt(job: Job<Task, Result>, seat: Seat<Task, Result, Message>): void {
    seat.jobs.add(job);
    let outcome: Promise<Result> | Result;
    try {
      outcome = seat.worker.run(job.task);
    } catch (cause) {
      if (seat.release(job)) this.#failed(job, cause);
      this.#retry();
      return;
    }
    if (!isPromise(outcome)) {
      if (seat.release(job)) this.#settle(job, outcome);
      return;
    }
    void outcome.then(
      (result) => {
        if (!seat.release(job)) return;
        this.#settle(job, result);
        this.#afterRelease();
      },
      (cause) => {
        if (!seat.release(job)) return;
        this.#failed(job, cause);
        this.#afterRelease();
      },
    );
  }

  #settle(job: Job<Task, Result>, result: Result): void {
    this.#unfinished--;
    job.settle(result);
  }

  #failed(job: Job<Task, Result>, cause: unknown): void {
    job.failures++;
    if (job.failures < 2) this.#retries.push(job);
    else this.#settle(job, this.#options.onPoisoned(job.task, cause));
  }

  #retry(): void {
    while (this.#retries.length > 0) {
      const seat = this.#seats.find((candidate) => candidate.jobs.size === 0);
      if (seat === undefined) return;
      seat.isExclusive = true;
      this.#attempt(this.#retries.shift()!, seat);
    }
  }

  #afterRelease(): void {
    this.#retry();
    if (this.#unfinished === 0) this.#onIdle?.();
    if (this.hasRoom) this.#options.onRoom?.();
  }

  #spawn(): void {
    const seat = new Seat(this.#options.spawn(), this.#nowMs());
    seat.worker.onExit?.((cause) => this.#lost(seat, cause));
    const message = this.#options.welcome === undefined ? this.#newest : this.#options.welcome();
    if (message !== undefined) seat.worker.broadcast?.(message);
    this.#seats.push(seat);
  }

  #lost(seat: Seat<Task, Result, Message>, cause: unknown): void {
    const index = this.#seats.indexOf(seat);
    if (index < 0) return;
    this.#seats.splice(index, 1);
    if (this.#nowMs() - seat.bornAtMs >= (this.#options.stableMs ?? 30_000)) this.#options.backoff.reset();
    this.#respawnLater(cause);
    for (const job of seat.releaseAll()) this.#failed(job, cause);
    this.#afterRelease();
  }

  #respawnLater(cause: unknown): void {
    const waitMs = this.#options.backoff.nextMs();
    const timer = setTimeout(() => {
      this.#respawns.delete(timer);
      try {
        this.#spawn();
      } catch (failure) {
        this.#respawnLater(failure);
        return;
      }
      this.#afterRelease();
    }, waitMs);
    this.#respawns.add(timer);
    this.#options.onWorkerLost?.(cause, waitMs);
  }

  async #close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    if (this.#unfinished > 0) {
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      await withDeadline(idle, graceMs, 'closing the worker pool').catch(() => undefined);
    }
    for (const timer of this.#respawns) clearTimeout(timer);
    const seats = this.#seats.splice(0);
    const unfinished = [...this.#retries.splice(0), ...seats.flatMap((seat) => seat.releaseAll())];
    const closed = await Promise.allSettled(seats.map((seat) => seat.worker.close()));
    for (const job of unfinished) this.#settle(job, this.#options.onPoisoned(job.task, new PoolClosedError()));
    const failures = closed.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason);
    if (failures.length > 0) throw new AggregateError(failures, 'workers did not close');
  }
}

class Seat<Task, Result, Message> {
  readonly worker: PoolWorker<Task, Result, Message>;
  readonly bornAtMs: number;
  readonly jobs = new Set<Job<Task, Result>>();
  /** Runs a second attempt: takes nothing beside it. */
  isExclusive = false;

  constructor(worker: PoolWorker<Task, Result, Message>, bornAtMs: number) {
    this.worker = worker;
    this.bornAtMs = bornAtMs;
  }

  /** False when the job was taken away before: its outcome no longer counts. */
  release(job: Job<Task, Result>): boolean {
    if (!this.jobs.delete(job)) return false;
    this.isExclusive = false;
    return true;
  }

  releaseAll(): Job<Task, Result>[] {
    const jobs = [...this.jobs];
    this.jobs.clear();
    return jobs;
  }
}

function isPromise<T>(outcome: Promise<T> | T): outcome is Promise<T> {
  return outcome instanceof Promise;
}
