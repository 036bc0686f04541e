/** A broken invariant. Never caught: it stops the process, because going on could cost data. */
export class InvariantError extends Error {
  override name = 'InvariantError';
}

/** Stops the process when `condition` is false. Stays on in production. For bugs only, never for I/O or input. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Compile-time proof that a `switch` is exhaustive; at run time a broken invariant. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${JSON.stringify(value)}`);
}
