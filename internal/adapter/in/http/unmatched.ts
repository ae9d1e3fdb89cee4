import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { STATUS, sendProblem } from './problem.ts';

/** Every path of the service with its methods, for the answers to requests that match no route. */
export class RouteTable {
  readonly #methods = new Map<string, Set<string>>();

  add(pattern: string, methods: string | readonly string[]): void {
    const known = this.#methods.get(pattern) ?? new Set(['OPTIONS']);
    for (const method of [methods].flat()) known.add(method);
    this.#methods.set(pattern, known);
  }

  /** The pattern that a path belongs to, and its methods as the `Allow` header wants them. */
  match(path: string): { pattern: string; allow: string } | null {
    for (const [pattern, methods] of this.#methods) {
      if (isMatch(pattern, path)) return { pattern, allow: [...methods].sort().join(', ') };
    }
    return null;
  }

  allMethods(): string {
    return [...new Set([...this.#methods.values()].flatMap((methods) => [...methods]))].sort().join(', ');
  }
}

function isMatch(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  return wanted.length === given.length && wanted.every((part, i) => part.startsWith(':') || part === given[i]);
}

/** Answered before the body is read: what is in it does not matter. */
export function answerUnmatched(scope: FastifyInstance, routes: RouteTable): void {
  scope.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply) => {
    const path = pathOf(request.url);
    if (request.method === 'OPTIONS' && path === '*') {
      reply.code(STATUS.noContent).header('allow', routes.allMethods()).send();
      return;
    }
    const route = routes.match(path);
    if (route === null) {
      sendProblem(reply, 'not_found');
      return;
    }
    reply.header('allow', route.allow);
    if (request.method === 'OPTIONS') reply.code(STATUS.noContent).send();
    else sendProblem(reply, 'method_not_allowed');
  });
  scope.setNotFoundHandler((_request, reply) => sendProblem(reply, 'not_found'));
}

/** A URL that cannot be decoded: in the place of a symbol it is no symbol, elsewhere no URL. */
export function sendBadUrl(request: FastifyRequest, reply: FastifyReply, routes: RouteTable): void {
  const path = pathOf(request.url);
  const isSymbol = routes.match(path)?.pattern.endsWith('/:symbol') === true;
  const symbol = path.slice(path.lastIndexOf('/') + 1);
  sendProblem(reply, isSymbol && !isDecodable(symbol) ? 'invalid_symbol' : 'invalid_url');
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? '';
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
