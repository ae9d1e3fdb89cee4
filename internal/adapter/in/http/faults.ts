import type { FastifyError, FastifyReply, FastifyRequest, FastifySchemaValidationError } from 'fastify';
import { type ProblemCode, sendProblem } from './problem.ts';
import { problemOfParameter } from './query-reader.ts';

/** Told of every failure that the client only sees as `internal`. */
export type ReportFault = (error: unknown, route: string) => void;

const ECHO_MAX_CHARS = 64;

/** What the framework throws before or around our handlers, and what ports reject with. All else is `internal`. */
const CODE_OF_ERROR: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_BAD_URL: 'invalid_url',
  FST_ERR_MAX_PARAM_LENGTH: 'invalid_symbol',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
  FST_ERR_HANDLER_TIMEOUT: 'unavailable',
  too_many_requests: 'too_many_requests',
  // Of the ports.
  unavailable: 'unavailable',
  serial_full: 'unavailable',
  ECONNRESET: 'bad_request',
  ERR_STREAM_PREMATURE_CLOSE: 'bad_request',
};

export function faultHandler(report: ReportFault) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    if (error.validation !== undefined) {
      sendInputProblem(error, request, reply);
      return;
    }
    const code = CODE_OF_ERROR[error.code] ?? 'internal';
    if (code === 'internal') report(error, request.routeOptions.url ?? 'unmatched');
    // What a port says of itself is a sentence for the client.
    sendProblem(reply, code, error.code === 'unavailable' ? error.message : undefined);
  };
}

/** An unknown parameter is told first, then the symbol, then the period; the framework looks at the path first. */
function sendInputProblem(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  let failure = error.validation?.[0];
  const inPath = error.validationContext === 'params';
  if (inPath) failure = unknownParameter(request);
  const name = failure?.keyword === 'additionalProperties' ? failure.params['additionalProperty'] : undefined;
  if (typeof name === 'string') {
    sendProblem(
      reply,
      'unknown_parameter',
      `This route does not know the parameter "${name.slice(0, ECHO_MAX_CHARS)}".`,
    );
  } else if (inPath) {
    sendProblem(reply, 'invalid_symbol');
  } else {
    const parameter = failure?.instancePath.slice(1) ?? '';
    const code = problemOfParameter(request.routeOptions.url ?? '', parameter);
    sendProblem(reply, code, code === 'invalid_period' ? undefined : `${parameter} comes more than once.`);
  }
}

function unknownParameter(request: FastifyRequest): FastifySchemaValidationError | undefined {
  const validate = request.getValidationFunction('querystring');
  if (validate === undefined || validate(request.query)) return undefined;
  return validate.errors?.[0];
}
