/** What crosses to a worker thread. */
export type ToThread<Task, Message> =
  | { readonly kind: 'task'; readonly id: number; readonly task: Task }
  | { readonly kind: 'broadcast'; readonly message: Message };

/** What comes back; `id` is the task's. */
export type FromThread<Result> =
  | { readonly id: number; readonly result: Result }
  | { readonly id: number; readonly error: unknown };
