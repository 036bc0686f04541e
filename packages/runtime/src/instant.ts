/** A wall-clock time (milliseconds since the Unix epoch, from `Clock.wallMs`) as the `Date` that libraries and people want. */
export function instantOf(wallMs: number): Date {
  return new Date(wallMs);
}
