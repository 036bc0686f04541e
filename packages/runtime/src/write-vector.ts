import type { Stream } from './ports.ts';

/** Gives `pieces` to the stream, so that they leave together. False: the sender should wait for `onDrain`. */
export function writeVector(stream: Stream, pieces: readonly Buffer[]): boolean {
  const [first, second] = pieces;
  // Corking goes through the stream's queue, which costs more than a small write.
  if (first === undefined || second === undefined) return first === undefined || stream.write(first);
  let mayGoOn = true;
  stream.cork();
  for (const piece of pieces) mayGoOn = stream.write(piece) && mayGoOn;
  stream.uncork();
  return mayGoOn;
}
