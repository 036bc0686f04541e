/** Accepts every sequence number of one session at most once, also when datagrams of several paths overtake each other. */
const WIDTH = 64;

export class ReplayWindow {
  /** `seen[n % WIDTH] === n` when n was accepted and is not older than the window. */
  readonly #seen = Array.from({ length: WIDTH }, () => -1);
  #highest = -1;

  /** False for a number that was accepted before or that is too old to tell. */
  accept(sequence: number): boolean {
    if (sequence <= this.#highest - WIDTH || this.#seen[sequence % WIDTH] === sequence) return false;
    this.#seen[sequence % WIDTH] = sequence;
    this.#highest = Math.max(this.#highest, sequence);
    return true;
  }
}
