/**
 * Brings Raft's messages for the tie-breaker to the disk instead of the network. For the rest of Raft it is a member like any other.
 *
 * What it confirms the leader's peer may lack, and then that one could not take over alone. So while the other voter is heard a leader's
 * messages do not reach it; it begins to confirm when that one has been silent for `NEEDED_AFTER_HEARTBEATS`, well before the leader's
 * authority ends.
 */
import { EterneError } from '@eterne/base';
import type { SharedDisks, Timer, World } from '@eterne/runtime';
import { isVoter, type Members } from '../members.ts';
import { decodeMessage, encodeMessage } from '../messages/message.ts';
import type { RaftTransport } from '../transport/port.ts';
import type { MemberId, RaftTiming } from '../types.ts';
import { TieDriver } from './tie-driver.ts';
import { isTie } from './tie-id.ts';
import { isLeaders } from './tie-voter.ts';

const NEEDED_AFTER_HEARTBEATS = 2.5;
const FOLLOW_INTERVAL_MS = 500;

export interface TieTransportOptions {
  readonly world: Pick<World, 'clock' | 'timers' | 'log'>;
  readonly disks: SharedDisks;
  readonly self: MemberId;
  readonly timing: RaftTiming;
  /** Where it is on this node; undefined: nobody has said. */
  readonly path: () => string | undefined;
  /** The log's members, as they are now. */
  readonly members: () => Members;
}

export class TieTransport implements RaftTransport {
  readonly #inner: RaftTransport;
  readonly #options: TieTransportOptions;
  readonly #timer: Timer;
  #driver: TieDriver | undefined;
  #voterHeardMs = Number.NEGATIVE_INFINITY;
  #onMessage: (from: MemberId, message: Buffer) => void = () => {};

  constructor(inner: RaftTransport, options: TieTransportOptions) {
    this.#inner = inner;
    this.#options = options;
    this.#timer = options.world.timers.every(FOLLOW_INTERVAL_MS, () => this.#follow());
  }

  /** How this node sees the log's tie-breaker; undefined when there is none. */
  get tie(): { readonly votes: boolean; readonly trouble: string | undefined } | undefined {
    const member = this.#options.members().find(({ id }) => isTie(id));
    return member && { votes: member.role === 'voter', trouble: this.#driver?.trouble };
  }

  send(to: MemberId, message: Buffer): void {
    if (!isTie(to)) return this.#inner.send(to, message);
    const decoded = decodeMessage(message);
    if (decoded instanceof EterneError) throw decoded;
    if (isLeaders(decoded) && !this.#isNeeded(to)) return;
    this.#driverOf(to)?.ask(decoded);
  }

  onMessage(listener: (from: MemberId, message: Buffer) => void): void {
    this.#onMessage = listener;
    this.#inner.onMessage((from, message) => {
      if (isVoter(this.#options.members(), from)) this.#voterHeardMs = this.#options.world.clock.bootMs();
      listener(from, message);
    });
  }

  onGone(listener: (from: MemberId) => void): void {
    this.#inner.onGone(listener);
  }

  close(): void {
    this.#timer.cancel();
    this.#driver?.close();
    this.#inner.close();
  }

  /** A learner has to catch up, which nobody's rights depend on. */
  #isNeeded(tie: MemberId): boolean {
    const { members, world, timing } = this.#options;
    const silentMs = world.clock.bootMs() - this.#voterHeardMs;
    return !isVoter(members(), tie) || silentMs >= NEEDED_AFTER_HEARTBEATS * timing.heartbeatMs;
  }

  /** It is watched also while nobody asks: a vote depends on since when the other node has not used it. */
  #follow(): void {
    const tie = this.#options.members().find(({ id }) => isTie(id));
    if (tie) this.#driverOf(tie.id);
    else this.#end();
  }

  #end(): void {
    this.#driver?.close();
    this.#driver = undefined;
  }

  #driverOf(member: MemberId): TieDriver | undefined {
    if (this.#driver?.member === member) return this.#driver;
    this.#end();
    const path = this.#options.path();
    if (path === undefined) return undefined;
    const { world, disks, self, timing } = this.#options;
    const answer: ConstructorParameters<typeof TieDriver>[0]['answer'] = (message) =>
      this.#onMessage(message.from, encodeMessage(message));
    this.#driver = new TieDriver({ world, disks, path, member, self, timing, answer });
    return this.#driver;
  }
}
