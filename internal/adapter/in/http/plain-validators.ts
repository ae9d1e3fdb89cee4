import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify';
import { SYMBOL_PATTERN } from './schemas.ts';

interface Validator {
  (data: Readonly<Record<string, unknown>>): boolean;
  errors?: FastifySchemaValidationError[] | null;
}

const hasSymbol: Validator = ({ symbol }) => typeof symbol === 'string' && SYMBOL_PATTERN.test(symbol);
hasSymbol.errors = [{ keyword: 'pattern', instancePath: '/symbol', schemaPath: '', params: {} }];

const isEmpty: Validator = (query) => {
  for (const name in query) {
    const params = { additionalProperty: name };
    isEmpty.errors = [{ keyword: 'additionalProperties', instancePath: '', schemaPath: '', params }];
    return false;
  }
  return true;
};

/**
 * For routes with a symbol in the path and no query, which are asked most, in the place of what ajv makes of their schemas and
 * with its errors: calling that, whatever the schema, took 4 µs of CPU time a request, a quarter of a bare fastify route's.
 */
export const checkSymbolOnly: FastifySchemaCompiler<unknown> = ({ httpPart }) =>
  httpPart === 'querystring' ? isEmpty : hasSymbol;
