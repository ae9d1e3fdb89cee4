import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from './problem.ts';

/** Told of an answer that has been sent. */
export type ObserveResponse = (status: number, seconds: number) => void;

/**
 * The first hook of every route: a request without `Host` is refused, and when the answer is sent its time is told.
 * Fastify's `onResponse` could tell it too, with two more listeners put on each answer and taken off.
 */
export function admit(observe: ObserveResponse) {
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const answer = reply.raw;
    const fromMs = performance.now();
    answer.on('close', () => {
      if (answer.writableFinished) observe(answer.statusCode, (performance.now() - fromMs) / 1_000);
    });
    const { headers, httpVersionMinor } = request.raw;
    if (headers.host === undefined && httpVersionMinor !== 0)
      sendProblem(reply, 'bad_request', 'The Host header is missing.');
    else done();
  };
}
