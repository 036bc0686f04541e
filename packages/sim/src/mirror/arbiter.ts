import { assert, EterneError } from '@eterne/base';
import type { Grant, InSyncSet, SetAnswer, SetProposal } from '@eterne/disk/engine/api.ts';
import type { DatagramSocket, World } from '@eterne/runtime';
import type { Prng } from '../world/prng.ts';
import {
  ARBITER_ADDRESS,
  type Beat,
  decodeToArbiter,
  DRIFT_MARGIN_MS,
  encode,
  GRACE_MS,
  LEASE_MS,
  LOST_MS,
  type Propose,
  type ToArbiter,
  type ToHost,
} from './messages.ts';

const DECIDE_MS = 50;
/** A promotion that has not come into force after this is given to somebody else. */
const PROMOTION_PATIENCE_MS = 4_000;
const GRANTOR = 'arbiter';

/** What everybody must agree on: one register, changed by compare-and-set. */
export interface Register {
  readonly term: number;
  readonly holder: string | undefined;
  readonly set: InSyncSet;
}

interface Heard {
  readonly beat: Beat;
  readonly atBootMs: number;
}

/**
 * The smallest correct cluster: one process that never dies, holds the register, grants leases and promotes. It stands in for
 * the cluster service, so that the mirror can be judged alone; it may be cut off from anybody.
 */
export class Arbiter {
  register: Register = { term: 0, holder: undefined, set: { version: 0, members: [] } };
  /** Called after each committed change, in the instant of the commit. */
  onCommit: ((register: Register, before: Register) => void) | undefined;
  /** Asked for by the fault plan: move the primary to another replica. */
  switchRequested = false;
  /** Whom the next promotions go to, where they can. */
  preferred: string | undefined;
  private readonly world: World;
  private readonly chance: Prng;
  private readonly hostAddress: (node: string) => string;
  private socket: DatagramSocket | undefined;
  private readonly heard = new Map<string, Heard>();
  /** The process that holds the term, and when its newest possible lease ends on this clock. */
  private holderPid = 0;
  /** By node: the process that was started last. */
  private readonly newestLife = new Map<string, number>();
  private leaseEndBootMs = 0;
  private committedAtBootMs = 0;
  private inForce = false;
  private readonly answers = new Map<string, SetAnswer>();

  constructor(world: World, chance: Prng, hostAddress: (node: string) => string) {
    this.world = world;
    this.chance = chance;
    this.hostAddress = hostAddress;
  }

  start(): void {
    this.world.network.datagram(
      ARBITER_ADDRESS,
      (payload) => this.receive(decodeToArbiter(payload)),
      (socket) => {
        assert(!(socket instanceof EterneError), 'the arbiter has its address');
        this.socket = socket;
        this.world.timers.every(DECIDE_MS, () => this.decide());
      },
    );
  }

  private get nowMs(): number {
    return this.world.clock.bootMs();
  }

  private receive(message: ToArbiter): void {
    if (message.kind === 'beat') this.receiveBeat(message);
    else this.receiveProposal(message);
  }

  private receiveBeat(beat: Beat): void {
    const known = this.heard.get(beat.node)?.beat;
    if (known !== undefined && known.pid === beat.pid && known.sentAtBootMs > beat.sentAtBootMs) return;
    if (known !== undefined && known.pid > beat.pid) return;
    this.heard.set(beat.node, { beat, atBootMs: this.nowMs });
    const { register } = this;
    if (beat.node !== register.holder || beat.pid !== this.holderPid) return;
    if (beat.role === 'primary' && beat.term === register.term) this.inForce = true;
    this.leaseEndBootMs = this.nowMs + LEASE_MS;
    const { sentAtBootMs, pid } = beat;
    this.send(beat.node, { kind: 'lease', pid, term: register.term, sentAtBootMs });
    if (!this.inForce) this.sendPromotion();
  }

  private receiveProposal({ node, pid, id, proposal }: Propose): void {
    const key = `${node}:${pid}:${id}`;
    const answer = this.answers.get(key) ?? this.judge(node, pid, proposal);
    this.answers.set(key, answer);
    this.send(node, { kind: 'answer', pid, id, answer });
  }

  /** What a host is told before it opens its volume, as by a service that has caught up; what its earlier lives have proposed is decided, or void. */
  committedFor(node: string, pid: number): Grant | undefined {
    this.newestLife.set(node, pid);
    const { term, set } = this.register;
    return term === 0 ? undefined : { term: { number: term, grantor: GRANTOR }, set };
  }

  private judge(node: string, pid: number, proposal: SetProposal): SetAnswer {
    const { register } = this;
    const refuse = (reason: string): SetAnswer => ({ kind: 'refused', reason });
    if (register.holder !== node || this.holderPid !== pid) return refuse('another replica is primary');
    if (pid < (this.newestLife.get(node) ?? 0)) return refuse('that process is gone');
    if (proposal.term.number !== register.term) return refuse(`the term is ${register.term}`);
    if (proposal.expectedVersion !== register.set.version)
      return refuse(`the set's version is ${register.set.version}`);
    if (proposal.members.length === 0) return refuse('a set has members');
    const set = { version: register.set.version + 1, members: proposal.members.toSorted() };
    this.commit({ ...register, set }, proposal.reason);
    return { kind: 'committed', set };
  }

  private commit(next: Register, why: string): void {
    const before = this.register;
    this.register = next;
    const { term, holder, set } = next;
    this.world.log(
      'info',
      `commits term ${term} of ${holder}, set ${set.version} {${set.members.join()}}: ${why}`,
    );
    this.onCommit?.(next, before);
  }

  private decide(): void {
    const { register } = this;
    const isAwaited = this.preferred !== undefined && !this.heard.has(this.preferred);
    if (register.holder === undefined && isAwaited) return;
    if (register.holder === undefined) return this.promoteSomebody('the first primary', undefined);
    const holder = this.heard.get(register.holder);
    if (holder !== undefined && holder.beat.pid !== this.holderPid)
      return this.promoteSomebody('the holder was restarted', undefined);
    const now = this.nowMs;
    const lost = holder === undefined || now - holder.atBootMs > LOST_MS;
    const expired = now > this.leaseEndBootMs + GRACE_MS + DRIFT_MARGIN_MS;
    if (lost) {
      if (expired) this.promoteSomebody('the holder is lost', register.holder);
      return;
    }
    const { role, term } = holder.beat;
    const steppedDown = role === 'secondary' && term === register.term;
    if (this.inForce && steppedDown) {
      this.promoteSomebody('the holder stepped down', this.switchRequested ? register.holder : undefined);
      return;
    }
    if (!this.inForce && now - this.committedAtBootMs > PROMOTION_PATIENCE_MS && expired)
      return this.promoteSomebody('the promotion failed', register.holder);
    if (this.switchRequested && this.inForce)
      this.send(register.holder, { kind: 'demote', pid: this.holderPid, term: register.term });
  }

  /** Commits, as one change, a new term, its holder and the set reduced to what answers now. */
  private promoteSomebody(why: string, avoid: string | undefined): void {
    const { register } = this;
    const now = this.nowMs;
    const answering = [...this.heard.values()]
      .filter(({ atBootMs }) => now - atBootMs < LOST_MS / 2)
      .map(({ beat }) => beat.node)
      .toSorted();
    const first = register.holder === undefined;
    const members = answering.filter((node) => first || register.set.members.includes(node));
    const wanted = members.filter((node) => node !== avoid);
    const anybody = this.chance.pick(wanted.length > 0 ? wanted : members);
    const holder = members.find((node) => node === this.preferred) ?? anybody;
    if (holder === undefined) return;
    this.holderPid = this.heard.get(holder)?.beat.pid ?? 0;
    this.leaseEndBootMs = 0;
    this.committedAtBootMs = now;
    this.inForce = false;
    this.switchRequested = false;
    const set = { version: register.set.version + 1, members: first ? [holder] : members };
    this.commit({ term: register.term + 1, holder, set }, why);
    this.sendPromotion();
  }

  /** A promotion carries the first lease. */
  private sendPromotion(): void {
    const { term, holder, set } = this.register;
    const newest = holder === undefined ? undefined : this.heard.get(holder);
    if (holder === undefined || newest === undefined || newest.beat.pid !== this.holderPid) return;
    this.leaseEndBootMs = Math.max(this.leaseEndBootMs, newest.atBootMs + LEASE_MS);
    this.send(holder, {
      kind: 'promote',
      pid: this.holderPid,
      term: { number: term, grantor: GRANTOR },
      set,
      sentAtBootMs: newest.beat.sentAtBootMs,
    });
  }

  private send(node: string, message: ToHost): void {
    this.socket?.send(this.hostAddress(node), encode(message));
  }
}
