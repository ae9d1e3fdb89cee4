import { subscribe } from 'node:diagnostics_channel';
import { type IncomingMessage, ServerResponse } from 'node:http';

/** Told of an answer once it has been handed to the kernel. */
export type ObserveResponse = (status: number, seconds: number) => void;

/** What `http.createServer` is told to make, so that a response knows who wants its time. */
export class TimedResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  observe: ObserveResponse | null = null;
  sinceMs = 0;
}

/** Its time counts from now. */
export function timeResponse(response: ServerResponse, observe: ObserveResponse): void {
  if (!(response instanceof TimedResponse)) return;
  response.observe = observe;
  response.sinceMs = performance.now();
}

/*
 * Node tells of every response of the process that is finished. Fastify's `onResponse` puts two listeners on each of them
 * and takes them off again.
 */
subscribe('http.server.response.finish', (message) => {
  const { response } = message as { readonly response: ServerResponse };
  if (!(response instanceof TimedResponse)) return;
  const { observe, sinceMs } = response;
  response.observe = null;
  observe?.(response.statusCode, (performance.now() - sinceMs) / 1_000);
});
