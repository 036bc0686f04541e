/**
 * One heartbeat path to one peer: up or down, loss, round trip. Pure; times are ms of this node's boot clock.
 *
 *   down ──a confirmed beat──► up ──no confirmed beat for `silenceMs`──► down
 *
 * A beat is *confirmed* when it echoes something we sent within `silenceMs`: both directions work, and now.
 */
import type { Way } from '../state/places.ts';
import { Drops } from './drops.ts';
import type { Beat, BeatEcho } from './wire/beat.ts';

/** Loss is measured over so many beats of the peer. */
const LOSS_WINDOW_BEATS = 50;
/** Weight of the newest round trip in the average. */
const ROUND_TRIP_WEIGHT = 0.2;

/** Carries everything. */
export interface UdpEnds {
  readonly kind: 'udp';
  readonly name: string;
  /** Which of our addresses it uses, and where it leads. */
  readonly local: string;
  readonly remote: string;
}

export function udpEnds({ local, remote }: Way): UdpEnds {
  return { kind: 'udp', name: `udp:${local}-${remote}`, local, remote };
}

/** Carries beats and nothing else: a slot of the peer's on a disk that both reach. */
export interface DiskEnds {
  readonly kind: 'disk';
  readonly name: string;
  readonly diskId: string;
}

export interface Heard {
  readonly session: string;
  readonly sentAtUs: number;
  readonly arrivedMs: number;
}

export class Path<Ends extends UdpEnds | DiskEnds = UdpEnds> {
  readonly ends: Ends;
  readonly drops = new Drops();
  readonly #silenceMs: () => number;
  #beatsSent = 0;
  #confirmedMs = Number.NEGATIVE_INFINITY;
  #newest: Heard | undefined;
  #roundTripMs: number | null = null;
  #firstNumber = 0;
  #highestNumber = 0;
  #numbers: number[] = [];

  constructor(ends: Ends, silenceMs: () => number) {
    this.ends = ends;
    this.#silenceMs = silenceMs;
  }

  isUp(nowMs: number): boolean {
    return nowMs < this.upUntilMs;
  }

  /** If nothing more is heard on it. */
  get upUntilMs(): number {
    return this.#confirmedMs + this.#silenceMs();
  }

  /** Since the last confirmed beat; null: there was none. */
  ageMs(nowMs: number): number | null {
    return this.#confirmedMs === Number.NEGATIVE_INFINITY ? null : nowMs - this.#confirmedMs;
  }

  /** Number of the newest beat of the peer's session; 0: none yet. */
  get newestNumber(): number {
    return this.#highestNumber;
  }

  /** Over the newest beats of the peer's session; 100 while down. */
  lossPercent(nowMs: number): number {
    if (!this.isUp(nowMs)) return 100;
    const expected = Math.min(this.#highestNumber - this.#firstNumber + 1, LOSS_WINDOW_BEATS);
    return Math.round((1 - this.#numbers.length / expected) * 1000) / 10;
  }

  roundTripMs(nowMs: number): number | null {
    return this.isUp(nowMs) ? this.#roundTripMs : null;
  }

  /** The next beat to send on this path. */
  nextBeat(nowMs: number): Beat {
    return this.#beat(this.#newest, nowMs);
  }

  /** A beat that answers one of a session which has not proven itself yet. */
  answerTo(heard: Heard, nowMs: number): Beat {
    return this.#beat(heard, nowMs);
  }

  /** What the peer is told to have been heard of it. */
  echo(nowMs: number): BeatEcho | undefined {
    return this.#newest && echoOf(this.#newest, nowMs);
  }

  /** Echoes are of this from now on, although its session has not proven itself: the echo is what may prove it. */
  echoUnproven(heard: Heard): void {
    this.#newest = heard;
  }

  #beat(heard: Heard | undefined, nowMs: number): Beat {
    this.#beatsSent += 1;
    return { number: this.#beatsSent, echo: heard && echoOf(heard, nowMs) };
  }

  /** The peer's heart has started anew. */
  forgetSession(): void {
    this.#newest = undefined;
    this.#firstNumber = 0;
    this.#highestNumber = 0;
    this.#numbers = [];
  }

  /** A beat of the peer's present session. `ownEcho`: what it echoes of our present session. */
  heard(session: string, sentAtUs: number, beat: Beat, ownEcho: BeatEcho | undefined, nowMs: number): void {
    if (this.#newest?.session !== session || sentAtUs > this.#newest.sentAtUs)
      this.#newest = { session, sentAtUs, arrivedMs: nowMs };
    this.#count(beat.number);
    if (ownEcho === undefined || nowMs - ownEcho.sentAtUs / 1000 >= this.#silenceMs()) return;
    this.#confirmedMs = nowMs;
    const sampleMs = Math.max(0, nowMs - ownEcho.sentAtUs / 1000 - ownEcho.heldUs / 1000);
    const average = this.#roundTripMs ?? sampleMs;
    this.#roundTripMs = average + ROUND_TRIP_WEIGHT * (sampleMs - average);
  }

  #count(number: number): void {
    if (this.#firstNumber === 0) this.#firstNumber = number;
    this.#firstNumber = Math.min(this.#firstNumber, number);
    this.#highestNumber = Math.max(this.#highestNumber, number);
    this.#numbers.push(number);
    const oldest = this.#highestNumber - LOSS_WINDOW_BEATS;
    this.#numbers = this.#numbers.filter((kept) => kept > oldest);
  }
}

function echoOf({ session, sentAtUs, arrivedMs }: Heard, nowMs: number): BeatEcho {
  return { session, sentAtUs, heldUs: (nowMs - arrivedMs) * 1000 };
}
