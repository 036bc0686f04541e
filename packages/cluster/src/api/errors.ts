/** How an error leaves the API: a status, and `{code, message, hint}`. What is not an operating error is a bug, and stops the process. */
import { EterneError, type ErrorCode } from '@eterne/base';

export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  usage: 400,
  config: 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  exists: 409,
  refused: 409,
  conflict: 409,
  'not-primary': 409,
  'needs-upgrade': 409,
  protocol: 400,
  busy: 429,
  corrupt: 500,
  io: 500,
  unsupported: 501,
  unreachable: 502,
  'no-quorum': 503,
  timeout: 504,
  'no-space': 507,
};

/** Fastify's own complaints about a request carry a status below 500; anything else is rethrown by the caller. */
export function asEterneError(error: unknown): EterneError | undefined {
  if (error instanceof EterneError) return error;
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number')
    return undefined;
  if (error.statusCode >= 500) return undefined;
  if (error.statusCode === 413) return new EterneError('usage', 'the request is too large');
  return new EterneError('usage', `the request cannot be read: ${error.message}`);
}

export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | null;
}

export function errorBody(error: EterneError): ErrorBody {
  return { code: error.code, message: error.message, hint: error.hint ?? null };
}
