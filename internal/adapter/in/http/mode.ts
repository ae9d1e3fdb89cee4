import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ModeControl } from '../../../application/port/in/queries.ts';
import { MODES, type ModeState } from '../../../domain/model/mode.ts';
import { MODE_SWITCH_TIMEOUT_MS } from './limits.ts';
import { isOwnOrigin } from './origin.ts';
import { STATUS, sendProblem } from './problem.ts';
import { modeAnswer, noQuery, type RouteSchema } from './schemas.ts';

export const MODE_COMPONENTS = [modeAnswer] as const;

export function addModeRoutes(app: FastifyInstance, control: ModeControl): void {
  app.get('/mode', { schema: modeSchema('Mode in force') }, (_request, reply) => {
    sendMode(reply, control.current());
  });
  for (const mode of MODES) {
    const schema: RouteSchema = {
      ...modeSchema(`Switch to ${mode} mode`),
      description: 'Answers when the switch is done. No body is needed; a JSON body is not looked at.',
      'x-problems': ['forbidden_origin', 'request_timeout', 'body_too_large', 'unsupported_media_type', 'unavailable'],
    };
    app.post(
      `/mode/${mode}`,
      { schema, onRequest: refuseForeignOrigin, handlerTimeout: MODE_SWITCH_TIMEOUT_MS },
      async (_request, reply) => {
        const state = await control.switchTo(mode);
        if (!reply.sent) sendMode(reply, state);
        return reply;
      },
    );
  }
}

function sendMode(reply: FastifyReply, state: ModeState): void {
  reply.header('cache-control', 'no-store').send({ mode: state.mode, epoch: state.epoch, since: state.sinceMs });
}

function refuseForeignOrigin(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  if (isOwnOrigin(request.raw)) done();
  else sendProblem(reply, 'forbidden_origin');
}

function modeSchema(summary: string): RouteSchema {
  return { summary, tags: ['Mode'], querystring: noQuery, response: { [STATUS.ok]: { $ref: 'Mode#' } } };
}
