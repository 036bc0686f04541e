/** The leader hands over: stand for election at once (thesis §3.10). Sent only after its own authority has run out. No body. */
export interface TimeoutNow {
  readonly kind: 'timeout-now';
}
