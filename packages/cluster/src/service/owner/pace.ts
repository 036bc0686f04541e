/** How long the whole start and the whole stop of a group take here: what `simulate` expects next time. */
export class Pace {
  #beganBootMs: number | undefined;
  #startMs: number | undefined;
  #stopSinceBootMs: number | undefined;

  /** A new ownership. One that was begun before this service was restarted is not measured. */
  begin(nowBootMs: number, fresh: boolean): void {
    this.#beganBootMs = fresh ? nowBootMs : undefined;
    this.#startMs = undefined;
    this.#stopSinceBootMs = undefined;
  }

  see(nowBootMs: number, wish: 'run' | 'stop', allRun: boolean): void {
    if (wish === 'stop') this.#stopSinceBootMs ??= nowBootMs;
    else this.#stopSinceBootMs = undefined;
    if (wish === 'stop' || !allRun || this.#beganBootMs === undefined) return;
    this.#startMs = Math.round(nowBootMs - this.#beganBootMs);
    this.#beganBootMs = undefined;
  }

  started(): { readonly tookMs?: number } {
    return this.#startMs === undefined ? {} : { tookMs: this.#startMs };
  }

  stopped(nowBootMs: number): { readonly tookMs?: number } {
    return this.#stopSinceBootMs === undefined
      ? {}
      : { tookMs: Math.round(nowBootMs - this.#stopSinceBootMs) };
  }
}
