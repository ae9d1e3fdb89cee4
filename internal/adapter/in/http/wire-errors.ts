import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { PROBLEM_TYPE, PROBLEMS, type ProblemCode, problemBody, rawProblem } from './problem.ts';

/** Told of each answer that no route has given. */
export type ObserveWire = (code: ProblemCode) => void;

const CODE_OF_CLIENT_ERROR: Readonly<Record<string, ProblemCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
};

/** After the answer the client's bytes are read and dropped for so long: a close with unread bytes would reset the connection, answer included. */
const LINGER_MS = 300;

/** Answers for requests that never became one: too slow, too large, not HTTP. */
export function clientErrorAnswer(observe: ObserveWire) {
  return (error: Error & { code?: string }, socket: Socket & { _httpMessage?: ServerResponse | null }): void => {
    if (socket.writableEnded) return;
    if (error.code === 'ECONNRESET' || !socket.writable || socket._httpMessage?.headersSent === true) {
      socket.destroy();
      return;
    }
    const code = CODE_OF_CLIENT_ERROR[error.code ?? ''] ?? 'bad_request';
    observe(code);
    endAndLinger(socket, rawProblem(code));
  };
}

/** Answers for what node itself would answer without a body. */
export function answerOddRequests(server: Server, observe: ObserveWire): void {
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    observe('method_not_allowed');
    endAndLinger(socket, rawProblem('method_not_allowed', ['Allow: GET, HEAD, OPTIONS, POST']));
  });
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    observe('expectation_failed');
    const body = problemBody('expectation_failed');
    response.writeHead(PROBLEMS.expectation_failed.status, {
      'content-type': PROBLEM_TYPE,
      'content-length': body.byteLength,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      connection: 'close',
    });
    response.end(body);
  });
}

/** The socket's last words. */
export function endAndLinger(socket: Duplex, answer: Buffer): void {
  socket.on('error', () => socket.destroy());
  socket.end(answer);
  socket.resume();
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
