/**
 * A few replicas of a four-block volume, with the generation rules carried out as the engine does (every function of
 * `generations.ts` is one durable step), and an oracle that knows which acknowledged writes each copy contains.
 */
import { strict as assert } from 'node:assert';
import type { HandshakeDecision, ReplicaSummary } from '../../src/metadata/api.ts';
import { NIL_UUID } from '../../src/metadata/api.ts';
import {
  bitmapFor,
  divided,
  NO_GENERATIONS,
  peerCaughtUp,
  syncConfirmed,
  syncFinished,
  syncGeneration,
  syncOpened,
  syncTargetBegun,
  syncTargetFinished,
} from '../../src/metadata/generations.ts';
import { decideHandshake, resolveSplitBrain } from '../../src/metadata/handshake.ts';
import { derivedUuid } from '../../src/metadata/uuid.ts';

export const BLOCKS = 4;

type Change = Partial<ReplicaSummary>;

class Replica {
  summary: ReplicaSummary;
  readonly content: number[] = Array.from({ length: BLOCKS }, () => 0);
  readonly bits = new Map<string, Set<number>>();
  readonly witnessed = new Map<string, number>();
  acknowledged = new Set<number>();

  constructor(node: string) {
    this.summary = {
      node,
      sizeBytes: BLOCKS * 4096,
      volumeUuid: NIL_UUID,
      replicaUuid: derivedUuid('replica', node),
      setLayout: NIL_UUID,
      term: { number: 0, grantor: '' },
      set: { version: 0, members: [] },
      incarnation: 1,
      formerIncarnations: [],
      witnessedIncarnation: 0,
      diskState: 'Inconsistent',
      role: 'secondary',
      justCreated: true,
      crashedPrimary: false,
      generations: NO_GENERATIONS,
      undoneSync: NIL_UUID,
      dirtyBlocks: 0,
      skipInitialSync: false,
      splitBrain: {
        actions: { zeroPrimaries: 'disconnect', onePrimary: 'disconnect', twoPrimaries: 'disconnect' },
        promotedAtWallMs: 0,
        discards: '',
      },
    };
  }

  get node(): string {
    return this.summary.node;
  }

  change(change: Change): void {
    this.summary = { ...this.summary, ...change };
  }

  bitsFor(peer: string): Set<number> {
    const bits = this.bits.get(peer) ?? new Set();
    this.bits.set(peer, bits);
    return bits;
  }

  towards(peer: Replica): ReplicaSummary {
    const witnessedIncarnation = this.witnessed.get(peer.node) ?? 0;
    return { ...this.summary, dirtyBlocks: this.bitsFor(peer.node).size, witnessedIncarnation };
  }
}

export class Model {
  readonly replicas: readonly Replica[];
  readonly #links = new Set<string>();
  #counter = 0;
  splitBrains = 0;
  syncs = { bitmap: 0, full: 0 };

  constructor(nodes: readonly string[]) {
    this.replicas = nodes.map((node) => new Replica(node));
  }

  /** Standalone, by force where the rules would ask for it. */
  promote(index: number): void {
    const replica = this.#at(index);
    const { summary } = replica;
    const peers = this.#connected(replica);
    if (peers.some((peer) => peer.summary.role === 'primary') || summary.role === 'primary') return;
    if (summary.diskState === 'Inconsistent' && !summary.justCreated) return;
    // A fresh replica next to one with data is a sync target, never promoted.
    if (summary.justCreated && peers.some((peer) => !peer.summary.justCreated)) return;
    const term = { number: summary.term.number + 1, grantor: replica.node };
    const inSync = peers.filter((peer) => peer.summary.diskState === 'UpToDate');
    const members = [replica, ...inSync].map((member) => member.node).sort();
    const set = { version: summary.set.version + 1, members };
    replica.change({ role: 'primary', term, set, diskState: 'UpToDate' });
    if (summary.justCreated)
      replica.change({ justCreated: false, generations: divided(summary.generations, this.#uuid(), []) });
    for (const peer of peers) peer.change({ term, set });
    for (const peer of peers) if (!inSync.includes(peer)) this.cut(replica.node, peer.node);
  }

  demote(index: number): void {
    this.#at(index).change({ role: 'secondary' });
  }

  /** A write that is acknowledged, everywhere connected; losses are settled first. */
  write(index: number, block: number): void {
    const primary = this.#at(index);
    if (primary.summary.role !== 'primary') return;
    const connected = this.#connected(primary);
    this.#settle(primary, connected);
    this.#divide(primary, connected);
    const id = (this.#counter += 1);
    for (const replica of [primary, ...connected]) {
      this.#apply(replica, block, id, this.#absent(primary, connected));
      replica.acknowledged.add(id);
    }
  }

  /** The primary dies in the middle of a write that reached it and `reached` of its peers, unacknowledged. */
  crashInWrite(index: number, block: number, reached: number): void {
    const primary = this.#at(index);
    if (primary.summary.role !== 'primary') return;
    const connected = this.#connected(primary);
    const id = (this.#counter += 1);
    const everyPeer = this.replicas.filter((replica) => replica !== primary);
    this.#apply(primary, block, id, everyPeer);
    for (const peer of connected.slice(0, reached))
      this.#apply(
        peer,
        block,
        id,
        this.replicas.filter((replica) => replica !== peer),
      );
    this.crash(index);
  }

  crash(index: number): void {
    const replica = this.#at(index);
    const { role, incarnation, crashedPrimary } = replica.summary;
    for (const peer of this.#connected(replica)) this.cut(replica.node, peer.node);
    const crashed = crashedPrimary || role === 'primary';
    replica.change({ role: 'secondary', crashedPrimary: crashed, incarnation: incarnation + 1 });
  }

  cut(a: string, b: string): void {
    this.#links.delete(linkName(a, b));
  }

  /** A handshake; a sync that it asks for copies at most `copied` blocks, then is cut if it is not through. */
  join(first: number, second: number, copied: number, victimIsFirst: boolean): void {
    const a = this.#at(first);
    const b = this.#at(second);
    if (a === b || this.#links.has(linkName(a.node, b.node))) return;
    // Two secondaries settle their differences only while neither follows a primary, which settles them itself.
    const betweenSecondaries = a.summary.role === 'secondary' && b.summary.role === 'secondary';
    if (betweenSecondaries && [a, b].some((side) => this.#followsPrimary(side))) return;
    const decision = this.#decide(a, b);
    a.witnessed.set(b.node, b.summary.incarnation);
    b.witnessed.set(a.node, a.summary.incarnation);
    if (decision.kind === 'none') this.#checkEqual(a, b);
    if (decision.kind === 'sync') this.#sync(decision, copied);
    if (decision.kind === 'split-brain') {
      this.splitBrains += 1;
      const victim = victimIsFirst ? a : b;
      const survivor = victimIsFirst ? b : a;
      const kept = [...victim.acknowledged].filter((id) => survivor.acknowledged.has(id));
      victim.acknowledged = new Set(kept);
      const resolution = resolveSplitBrain(a.towards(b), b.towards(a), victim.node);
      if (resolution.kind === 'sync') this.#sync(resolution, copied);
    }
  }

  #decide(a: Replica, b: Replica): HandshakeDecision {
    const decision = decideHandshake(a.towards(b), b.towards(a));
    assert.deepEqual(decideHandshake(b.towards(a), a.towards(b)), decision, 'both sides decide alike');
    return decision;
  }

  #checkEqual(a: Replica, b: Replica): void {
    assert.deepEqual(a.content, b.content, 'no sync only between equal copies');
    a.change({ generations: peerCaughtUp(a.summary.generations, b.node) });
    b.change({ generations: peerCaughtUp(b.summary.generations, a.node) });
    this.#link(a, b);
  }

  #sync(decision: Extract<HandshakeDecision, { kind: 'sync' }>, copied: number): void {
    const source = this.#named(decision.source);
    const target = this.#named(decision.target);
    assert.notEqual(target.summary.role, 'primary', 'a primary is not overwritten');
    for (const id of target.acknowledged)
      assert.ok(source.acknowledged.has(id), `the source lacks acknowledged write ${id}`);
    this.syncs[decision.extent] += 1;
    const union = source.bitsFor(target.node);
    for (const block of target.bitsFor(source.node)) union.add(block);
    if (decision.extent === 'full') for (let block = 0; block < BLOCKS; block += 1) union.add(block);
    this.#checkCovered(source, target, union);

    const opened = syncOpened(source.summary.generations, target.node, decision.extent, this.#uuid(), []);
    source.change({ generations: opened });
    if (copied === 0) return;
    const base = bitmapFor(opened, target.node);
    const name = syncGeneration(base, source.summary.replicaUuid, target.node);
    const begun = syncTargetBegun(target.summary.generations, name);
    const { term, set } = source.summary;
    target.change({ generations: begun, diskState: 'Inconsistent', justCreated: false, term, set });
    if (copied === 1) return;
    source.change({ generations: syncConfirmed(opened, target.node, name) });
    this.#copy(source, target, union, copied - 2);
    if (union.size === 0) this.#finish(source, target);
  }

  #copy(source: Replica, target: Replica, union: Set<number>, count: number): void {
    for (const block of [...union].slice(0, count)) {
      const value = source.content[block] ?? 0;
      // Third nodes that were equal to the target no longer are.
      for (const other of this.replicas)
        if (other !== source && other !== target) target.bitsFor(other.node).add(block);
      target.content[block] = value;
      union.delete(block);
    }
  }

  #finish(source: Replica, target: Replica): void {
    for (const other of this.replicas) {
      if (other === source || other === target) continue;
      for (const block of source.bitsFor(other.node)) target.bitsFor(other.node).add(block);
    }
    const generations = syncTargetFinished(source.summary.generations, source.node, target.node);
    const members = [...new Set([...source.summary.set.members, target.node])].sort();
    const set =
      source.summary.role === 'primary'
        ? { version: source.summary.set.version + 1, members }
        : source.summary.set;
    target.bitsFor(source.node).clear();
    target.change({ generations, diskState: source.summary.diskState, crashedPrimary: false, set });
    target.acknowledged = new Set(source.acknowledged);
    source.change({
      generations: syncFinished(source.summary.generations, target.node),
      crashedPrimary: false,
      set,
    });
    assert.deepEqual(source.content, target.content, 'a finished sync makes equal copies');
    this.#link(source, target);
    for (const peer of this.#connected(source)) peer.change({ set });
  }

  #checkCovered(source: Replica, target: Replica, union: ReadonlySet<number>): void {
    for (let block = 0; block < BLOCKS; block += 1)
      if (source.content[block] !== target.content[block])
        assert.ok(union.has(block), `block ${block} differs and is not covered`);
  }

  #followsPrimary(replica: Replica): boolean {
    return this.#connected(replica).some((peer) => peer.summary.role === 'primary');
  }

  /** One side's primary ends what the other side had with the primary of another term. */
  #link(a: Replica, b: Replica): void {
    this.#leaveOtherPrimaries(a, b);
    this.#leaveOtherPrimaries(b, a);
    this.#links.add(linkName(a.node, b.node));
  }

  #leaveOtherPrimaries(follower: Replica, primary: Replica): void {
    if (primary.summary.role !== 'primary') return;
    follower.change({ term: primary.summary.term, set: primary.summary.set });
    for (const other of this.#connected(follower))
      if (other.summary.role === 'primary') this.cut(follower.node, other.node);
  }

  /** Standalone arbiter, `continue`: the set shrinks to who is there before anything is acknowledged. */
  #settle(primary: Replica, connected: readonly Replica[]): void {
    const members = [primary, ...connected].map((replica) => replica.node).sort();
    const { set } = primary.summary;
    if (set.members.join() === members.join()) return;
    for (const replica of [primary, ...connected])
      replica.change({ set: { version: set.version + 1, members } });
  }

  #divide(primary: Replica, connected: readonly Replica[]): void {
    const lost = this.#absent(primary, connected).map((replica) => replica.node);
    const needed = lost.some((node) => bitmapFor(primary.summary.generations, node) === NIL_UUID);
    if (!needed) return;
    const fresh = this.#uuid();
    for (const replica of [primary, ...connected])
      replica.change({ generations: divided(replica.summary.generations, fresh, lost) });
  }

  #apply(replica: Replica, block: number, id: number, lacking: readonly Replica[]): void {
    replica.content[block] = id;
    for (const peer of lacking) if (peer !== replica) replica.bitsFor(peer.node).add(block);
  }

  #absent(primary: Replica, connected: readonly Replica[]): Replica[] {
    return this.replicas.filter((replica) => replica !== primary && !connected.includes(replica));
  }

  #connected(replica: Replica): Replica[] {
    return this.replicas.filter((other) => this.#links.has(linkName(replica.node, other.node)));
  }

  #at(index: number): Replica {
    const replica = this.replicas[index % this.replicas.length];
    assert(replica !== undefined);
    return replica;
  }

  #named(node: string): Replica {
    const replica = this.replicas.find((candidate) => candidate.node === node);
    assert(replica !== undefined);
    return replica;
  }

  #uuid(): string {
    this.#counter += 1;
    return derivedUuid('generation', String(this.#counter));
  }
}

function linkName(a: string, b: string): string {
  return [a, b].sort().join('–');
}
