/** One place where tasks run: a thread, a process, or the caller's own stack. */
export type PoolWorker<Task, Result, Message = never> = {
  /**
   * A plain value means that the task ran inline. A throw or a rejection is a failed attempt of this task;
   * the worker itself is still good unless it calls its exit listener.
   */
  run(task: Task): Promise<Result> | Result;
  /** In order with `run`. */
  broadcast?(message: Message): void;
  /** `listener` is called once, when the worker has died and no longer touches its tasks. */
  onExit?(listener: (cause: unknown) => void): void;
  close(): Promise<void>;
};
