/** All heartbeat disks of this node: what is written to them, and what the slots of the others say. The driver of `Peer` on slots. */
import type { KeyObject } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { assert } from '@eterne/base';
import type { SharedDisks, World } from '@eterne/runtime';
import type { PathStatus } from '../ports.ts';
import type { Profile } from '../state/model.ts';
import type { DropReason } from './drops.ts';
import type { DiskEnds, Path } from './path.ts';
import { pathStatus, roundedMs } from './path-status.ts';
import type { Peer } from './peer.ts';
import type { HeartSetup } from './setup.ts';
import { SlotDisk, type HeartDisk } from './slot-disk.ts';
import { openSlot, sealSlot } from './wire/slot.ts';

export interface SlotBoardParts {
  readonly world: Pick<World, 'clock' | 'timers' | 'log'>;
  readonly disks?: SharedDisks;
  readonly key: KeyObject;
  readonly node: string;
  readonly session: string;
  readonly silenceMs: () => number;
  /** What slots say of this node's rhythm; null: nothing, as not everybody would read it. */
  readonly profile: () => Profile | null;
  /** Likewise of which member of its name this node is. */
  readonly life: () => string | null;
  /** A slot says a life. */
  readonly onLife: () => void;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly onDrop: (reason: DropReason) => void;
  /** A peer has proven a new session. */
  readonly onStarted: () => void;
}

interface Used {
  readonly disk: HeartDisk;
  readonly access: SlotDisk;
  sequence: number;
  /** Slot number → its sector as last read: what has not changed says nothing. */
  readonly seen: Map<number, Buffer>;
}

export class SlotBoard {
  readonly #parts: SlotBoardParts;
  /** By disk id. */
  readonly #used = new Map<string, Used>();
  #ownSlot: number | null = null;
  #slots = 0;
  #looks = 0;

  constructor(parts: SlotBoardParts) {
    this.#parts = parts;
  }

  /** A disk that stays keeps its state. The peers are connected by then. */
  configure({ members, disks }: HeartSetup): void {
    const slots = members.map(({ slot }) => slot ?? -1);
    this.#slots = 1 + Math.max(-1, ...slots);
    this.#ownSlot = members.find(({ node }) => node === this.#parts.node)?.slot ?? null;
    const wanted = this.#reachable(disks);
    for (const [id, { disk, access }] of this.#used) {
      if (wanted.some((other) => isDeepStrictEqual(other, disk))) continue;
      access.close();
      this.#used.delete(id);
    }
    for (const disk of wanted) if (!this.#used.has(disk.id)) this.#used.set(disk.id, this.#use(disk));
  }

  /** The paths that `disks` are from here. */
  endsOf(disks: readonly HeartDisk[]): readonly DiskEnds[] {
    return this.#reachable(disks).map(({ id, device }) => ({
      kind: 'disk',
      name: `disk:${device}`,
      diskId: id,
    }));
  }

  #reachable(disks: readonly HeartDisk[]): readonly HeartDisk[] {
    return this.#parts.disks === undefined ? [] : disks;
  }

  /** No disk is used. */
  get isEmpty(): boolean {
    return this.#used.size === 0;
  }

  /** To be called twice per beat: reads every time, writes every other time. */
  look(): void {
    this.#looks += 1;
    for (const { access } of this.#used.values()) access.look(this.#slots, this.#looks % 2 === 0);
  }

  statusesOf(peer: Peer, nowMs: number): readonly PathStatus[] {
    return [...peer.diskPaths.values()].map((path) => this.#statusOf(peer, path, nowMs));
  }

  #statusOf(peer: Peer, path: Path<DiskEnds>, nowMs: number): PathStatus {
    const access = this.#used.get(path.ends.diskId)?.access;
    const accessMs = access?.accessMs ?? null;
    return {
      ...pathStatus(peer.name, path, nowMs),
      latencyMs: accessMs === null || !path.isUp(nowMs) ? null : roundedMs(accessMs),
      trouble: access?.trouble(this.#parts.silenceMs()) ?? null,
    };
  }

  close(): void {
    for (const { access } of this.#used.values()) access.close();
    this.#used.clear();
  }

  #use(disk: HeartDisk): Used {
    const { world, disks } = this.#parts;
    assert(disks !== undefined, 'only a node that reaches disks uses them');
    const used: Used = {
      disk,
      access: new SlotDisk({
        world,
        disks,
        disk,
        own: () => this.#own(used),
        onSlot: (slot, sector) => this.#read(used, slot, sector),
      }),
      sequence: 0,
      seen: new Map(),
    };
    return used;
  }

  #own(used: Used): { readonly slot: number; readonly sector: Buffer } | undefined {
    if (this.#ownSlot === null) return undefined;
    const { key, node, session, world, peers } = this.#parts;
    const nowMs = world.clock.bootMs();
    used.sequence += 1;
    const echoes = [...peers.values()].flatMap((peer) => peer.diskPaths.get(used.disk.id)?.echo(nowMs) ?? []);
    const sector = sealSlot(key, {
      diskId: used.disk.id,
      session,
      sequence: used.sequence,
      sentAtUs: Math.floor(nowMs * 1000),
      from: node,
      profile: this.#parts.profile(),
      echoes,
      life: this.#parts.life(),
    });
    return { slot: this.#ownSlot, sector };
  }

  /** The own slot, and those of numbers that nobody has, are not looked at. */
  #read(used: Used, slot: number, sector: Buffer): void {
    const peer = [...this.#parts.peers.values()].find((candidate) => candidate.slot === slot);
    const path = peer?.diskPaths.get(used.disk.id);
    if (!peer || !path || used.seen.get(slot)?.equals(sector)) return;
    used.seen.set(slot, sector);
    const drop = this.#judge(peer, path, sector);
    if (drop === undefined) return;
    path.drops.count(drop);
    this.#parts.onDrop(drop);
  }

  #judge(peer: Peer, path: Path<DiskEnds>, sector: Buffer): DropReason | undefined {
    const slot = openSlot(this.#parts.key, path.ends.diskId, sector);
    if (slot === undefined || typeof slot === 'string') return slot;
    if (slot.life !== null) this.#parts.onLife();
    if (slot.from !== peer.name || !peer.isMeantBy(slot.life)) return 'stranger';
    const outcome = peer.receiveSlot(path, slot, this.#parts.world.clock.bootMs());
    if (outcome === 'started') this.#parts.onStarted();
    return outcome === 'replayed' ? outcome : undefined;
  }
}
