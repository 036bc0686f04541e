/**
 * What happened, in order. Every step of the world goes into a running 64-bit digest, so two runs of one seed can be compared
 * without keeping anything; the readable lines are kept only when somebody wants to read them (the newest
 * `LINES_MAX` of them), but always go into the digest.
 */
const LINES_MAX = 200_000;

export class Trace {
  readonly lines: string[] = [];
  private high = 0x811c9dc5;
  private low = 0x01000193;
  private readonly keep: boolean;
  private readonly nowMs: () => number;

  constructor(nowMs: () => number, keep: boolean) {
    this.nowMs = nowMs;
    this.keep = keep;
  }

  /** Adds a number to the digest: a time, a length, a choice. */
  mix(value: number): void {
    const word = (value * 1024) | 0;
    this.high = Math.imul(this.high ^ word, 0x85ebca6b);
    this.high = (this.high << 13) | (this.high >>> 19);
    this.low = Math.imul(this.low ^ (word >>> 7) ^ this.high, 0xc2b2ae35);
  }

  line(who: string, what: string): void {
    this.mix(this.nowMs());
    for (let i = 0; i < what.length; i += 1)
      this.high = Math.imul(this.high ^ what.charCodeAt(i), 0x01000193);
    this.mix(who.charCodeAt(0));
    if (!this.keep) return;
    this.lines.push(`${this.nowMs().toFixed(3).padStart(10)} ${who.padEnd(8)} ${what}`);
    if (this.lines.length > LINES_MAX) this.lines.splice(0, LINES_MAX / 2);
  }

  get hash(): string {
    return (this.high >>> 0).toString(16).padStart(8, '0') + (this.low >>> 0).toString(16).padStart(8, '0');
  }
}
