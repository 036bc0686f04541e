/**
 * Moves as much of `chunk` as fits to `into` from `start` on, and returns how much that is. Nothing is moved when it lies there already, because the stream was
 * told to read it to there.
 */
export function putInPlace(chunk: Buffer, into: Buffer, start: number): number {
  const isThere = chunk.buffer === into.buffer && chunk.byteOffset === into.byteOffset + start;
  return isThere ? Math.min(chunk.length, into.length - start) : chunk.copy(into, start);
}
