/** Cuts a range of bytes into pieces of at most `maxBytes` that are worked on one after the other; the first error ends it. */
export function inPieces<Failure>(
  start: number,
  end: number,
  maxBytes: number,
  piece: (offset: number, lengthBytes: number, done: (error: Failure | undefined) => void) => void,
  done: (error: Failure | undefined) => void,
): void {
  if (start >= end) return done(undefined);
  const lengthBytes = Math.min(maxBytes, end - start);
  piece(start, lengthBytes, (error) => {
    if (error !== undefined) return done(error);
    inPieces(start + lengthBytes, end, maxBytes, piece, done);
  });
}
