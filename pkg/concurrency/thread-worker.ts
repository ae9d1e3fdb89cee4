import type { Worker } from 'node:worker_threads';
import type { PoolWorker } from './pool-worker.ts';
import type { FromThread, ToThread } from './thread-protocol.ts';

/** The thread ended, by whatever way; `cause` is what it threw, if it did. */
export class ThreadExitError extends Error {
  readonly code = 'thread_exit';
  readonly exitCode: number;

  constructor(exitCode: number, cause: unknown) {
    super(`worker thread ended with code ${exitCode}`, { cause });
    this.name = 'ThreadExitError';
    this.exitCode = exitCode;
  }
}

type Pending<Result> = { resolve: (result: Result) => void; reject: (cause: unknown) => void };

/**
 * A PoolWorker over a thread whose entry calls `serveThread`. Tasks, results and messages are structured clones;
 * a SharedArrayBuffer in them is the same memory on both sides. Death is told at the thread's end and not at its error,
 * so that nothing writes into shared memory any more when a task runs again.
 */
export class ThreadWorker<Task, Result, Message = never> implements PoolWorker<Task, Result, Message> {
  readonly #thread: Worker;
  readonly #pending = new Map<number, Pending<Result>>();
  #nextId = 0;
  #error: unknown;
  #exit: ThreadExitError | undefined;
  #onExit: ((cause: unknown) => void) | undefined;

  constructor(spawn: () => Worker) {
    this.#thread = spawn();
    this.#thread.on('message', (answer: FromThread<Result>) => this.#answered(answer));
    this.#thread.on('error', (error: unknown) => {
      this.#error = error;
    });
    this.#thread.on('messageerror', (error: unknown) => {
      this.#error = error;
      void this.#thread.terminate();
    });
    this.#thread.on('exit', (exitCode: number) => this.#exited(exitCode));
  }

  run(task: Task): Promise<Result> {
    if (this.#exit !== undefined) return Promise.reject(this.#exit);
    const id = this.#nextId++;
    this.#post({ kind: 'task', id, task });
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  broadcast(message: Message): void {
    this.#post({ kind: 'broadcast', message });
  }

  onExit(listener: (cause: unknown) => void): void {
    this.#onExit = listener;
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  #post(message: ToThread<Task, Message>): void {
    this.#thread.postMessage(message);
  }

  #answered(answer: FromThread<Result>): void {
    const pending = this.#pending.get(answer.id);
    if (pending === undefined) return;
    this.#pending.delete(answer.id);
    if ('error' in answer) pending.reject(answer.error);
    else pending.resolve(answer.result);
  }

  #exited(exitCode: number): void {
    const cause = new ThreadExitError(exitCode, this.#error);
    this.#exit = cause;
    // Answers may have come in this very turn: those who wait for them go first, so that no answered task counts as failed.
    queueMicrotask(() => {
      this.#onExit?.(cause);
      for (const pending of this.#pending.values()) pending.reject(cause);
      this.#pending.clear();
    });
  }
}
