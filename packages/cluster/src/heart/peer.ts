/**
 * Another node as this heart knows it: its session, its replay window, its paths. Pure.
 *
 * A session (one start of the peer's heart) is believed only once a beat of it echoes what we sent a moment ago: a recording of
 * an earlier session cannot do that. The way there takes one and a half round trips:
 *
 *   peer restarts ── BEAT(new session, no echo) ──► unproven: answer at once
 *                 ◄── BEAT(echo of it) ──
 *                 ── BEAT(echo of ours) ──► proven: the new session replaces the old one
 */
import type { Beat, BeatEcho } from './wire/beat.ts';
import type { Envelope } from './wire/envelope.ts';
import { Path, type PathEnds } from './path.ts';
import { ReplayWindow } from './replay-window.ts';

/** Sessions that ended; they never come back. */
const RETIRED_MAX = 16;
/** Unproven sessions are answered no more often than this, so that a recording cannot make us flood anybody. */
const ANSWER_INTERVAL_MS = 50;

export type BeatOutcome =
  /** Of the present session. */
  | { readonly kind: 'known' }
  /** Proven: it is the present session from now on. Beat at once, so that the peer can believe us too. */
  | { readonly kind: 'started' }
  /** Perhaps a restarted peer, perhaps a recording: send `answer` on the path it came by. */
  | { readonly kind: 'unproven'; readonly answer: Beat }
  | { readonly kind: 'dropped'; readonly why: 'replayed' | 'malformed' };

export class Peer {
  readonly name: string;
  readonly paths: readonly Path[];
  readonly #ownSession: string;
  readonly #silenceMs: number;
  #session: string | undefined;
  #window = new ReplayWindow();
  #retired: string[] = [];
  #answeredMs = Number.NEGATIVE_INFINITY;

  constructor(name: string, ownSession: string, paths: readonly PathEnds[], silenceMs: number) {
    this.name = name;
    this.#ownSession = ownSession;
    this.#silenceMs = silenceMs;
    this.paths = paths.map((ends) => new Path(ends, silenceMs));
  }

  isAlive(nowMs: number): boolean {
    return this.paths.some((path) => path.isUp(nowMs));
  }

  /** Everything but beats: only from the proven session, and only once. */
  accepts(envelope: Envelope): boolean {
    return envelope.session === this.#session && this.#window.accept(envelope.sequence);
  }

  receiveBeat(envelope: Envelope, beat: Beat, nowMs: number): BeatOutcome {
    const path = this.paths[envelope.path];
    if (path === undefined) return { kind: 'dropped', why: 'malformed' };
    if (this.#retired.includes(envelope.session)) return { kind: 'dropped', why: 'replayed' };
    const ownEcho = beat.echo?.session === this.#ownSession ? beat.echo : undefined;
    const isNew = envelope.session !== this.#session;
    if (isNew && !this.#isFresh(ownEcho, nowMs)) return this.#answer(path, envelope, nowMs);
    if (isNew) this.#startSession(envelope.session);
    if (!this.#window.accept(envelope.sequence)) return { kind: 'dropped', why: 'replayed' };
    path.heard(envelope.session, envelope.sentAtUs, beat, ownEcho, nowMs);
    return { kind: isNew ? 'started' : 'known' };
  }

  #isFresh(echo: BeatEcho | undefined, nowMs: number): boolean {
    return echo !== undefined && nowMs - echo.sentAtUs / 1000 < this.#silenceMs;
  }

  #answer(path: Path, envelope: Envelope, nowMs: number): BeatOutcome {
    if (nowMs - this.#answeredMs < ANSWER_INTERVAL_MS) return { kind: 'dropped', why: 'replayed' };
    this.#answeredMs = nowMs;
    const { session, sentAtUs } = envelope;
    return { kind: 'unproven', answer: path.answerTo({ session, sentAtUs, arrivedMs: nowMs }, nowMs) };
  }

  #startSession(session: string): void {
    if (this.#session !== undefined) this.#retired = [...this.#retired, this.#session].slice(-RETIRED_MAX);
    this.#session = session;
    this.#window = new ReplayWindow();
    for (const path of this.paths) path.forgetSession();
  }
}
