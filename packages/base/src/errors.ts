/**
 * Operating errors: I/O, network, bad input, a refused request. Each has a stable code, one sentence
 * for the operator, and a hint what to do next. Exit codes follow from the code (see `exitCodeOf`).
 */
export type ErrorCode =
  | 'usage' // wrong words on the command line
  | 'config' // a configuration file or document is wrong
  | 'not-found'
  | 'exists'
  | 'refused' // a rule forbids it in this state
  | 'conflict' // somebody else changed it first (compare-and-set failed)
  | 'busy'
  | 'unauthorized'
  | 'forbidden'
  | 'unreachable' // the other side does not answer
  | 'timeout'
  | 'protocol' // the other side spoke nonsense
  | 'corrupt' // stored data failed its checks
  | 'io'
  | 'no-space'
  | 'not-primary'
  | 'no-quorum'
  | 'unsupported'
  | 'needs-upgrade'; // some program is too old for it; the message says whose

export class EterneError extends Error {
  override name = 'EterneError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** 2 for wrong usage or configuration, 1 for everything else. */
export function exitCodeOf(error: unknown): 1 | 2 {
  return error instanceof EterneError && (error.code === 'usage' || error.code === 'config') ? 2 : 1;
}
