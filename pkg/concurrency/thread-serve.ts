import type { MessagePort } from 'node:worker_threads';
import type { FromThread, ToThread } from './thread-protocol.ts';

export type ThreadHandlers<Task, Result, Message = never> = {
  /** A throw fails this attempt of the task; the thread lives on. */
  run(task: Task): Result;
  broadcast?(message: Message): void;
};

/** The thread's side of ThreadWorker; call it once, in the thread's entry, with `parentPort`. */
export function serveThread<Task, Result, Message = never>(
  port: MessagePort | null,
  handlers: ThreadHandlers<Task, Result, Message>,
): void {
  if (port === null) throw new Error('not in a worker thread');
  port.on('message', (message: ToThread<Task, Message>) => {
    if (message.kind === 'broadcast') handlers.broadcast?.(message.message);
    else port.postMessage(answer(message.id, message.task, handlers.run));
  });
}

function answer<Task, Result>(id: number, task: Task, run: (task: Task) => Result): FromThread<Result> {
  try {
    return { id, result: run(task) };
  } catch (error) {
    return { id, error };
  }
}
