import assert from 'node:assert/strict';
import { EterneError } from '@eterne/base';
import type { Stream, World } from '@eterne/runtime';
import type { Arbiter, MirrorVolume, PromoteRequest, VolumeConfig } from '../../../src/engine/api.ts';
import { createLocalArbiter } from '../../../src/engine/local-arbiter.ts';
import { BufferSlabs } from '../../../src/engine/buffer-slabs.ts';
import { openVolume } from '../../../src/engine/volume.ts';
import { metadataBytes } from '../../../src/metadata/index.ts';
import { MemoryDisk, storeOn } from './memory-disk.ts';
import { MemoryNetwork } from './memory-network.ts';
import { Scheduler, portsOf } from './scheduler.ts';

export const SIZE_BYTES = 32 * 1024 * 1024;
export const BLOCK = 4096;

export interface MeshOptions {
  /** Of each data store; `SIZE_BYTES` when absent. */
  readonly diskBytes?: number;
  readonly config?: Partial<VolumeConfig>;
  readonly arbiter?: (node: string, config: VolumeConfig) => Arbiter;
  /** Milliseconds that a disk operation takes; 0 is synchronous. */
  readonly diskDelayMs?: () => number;
  /** Programs that can be run; without it none may be. */
  readonly processes?: World['processes'];
}

/** One node of the mesh: its disks live on, its process comes and goes. */
export class TestNode {
  readonly name: string;
  data: MemoryDisk;
  readonly metadata = new MemoryDisk(metadataBytes(SIZE_BYTES));
  /** Files that were written by name. */
  readonly images = new Map<string, MemoryDisk>();
  readonly #mesh: Mesh;
  #rescue: MemoryDisk | undefined;
  #life = 0;
  #volume: MirrorVolume | undefined;
  logs: string[] = [];
  /** Nodes that it does not know at its next start. */
  readonly strangers = new Set<string>();
  /** At its next start it is configured with a rescue journal, where the others are. */
  hasJournal = true;
  /** Which members of a cluster it takes itself and the others for, from its next start on. */
  lives: VolumeConfig['lives'];
  #metadataPath = 'metadata';
  #stillUntilMs = 0;

  constructor(mesh: Mesh, name: string) {
    this.#mesh = mesh;
    this.name = name;
    this.data = new MemoryDisk(this.#diskBytes);
  }

  get #diskBytes(): number {
    return this.#mesh.options.diskBytes ?? SIZE_BYTES;
  }

  /** Where it listens; the others know the first, until they are told of more. */
  get addresses(): readonly string[] {
    return [this.name, `${this.name}.1`, `${this.name}.2`];
  }

  get isUp(): boolean {
    return this.#volume !== undefined;
  }

  get volume(): MirrorVolume {
    assert.ok(this.#volume, `${this.name} is up`);
    return this.#volume;
  }

  /** From its first start on its metadata lies behind its data. */
  keepMetadataBehindData(): void {
    this.#metadataPath = 'internal';
    this.data.grow(SIZE_BYTES + metadataBytes(SIZE_BYTES) + BLOCK);
  }

  start(): void {
    const { scheduler } = this.#mesh;
    const result = this.tryStart();
    assert.ok(
      scheduler.runUntil(() => result.value !== undefined),
      'the volume opens',
    );
    if (result.value instanceof EterneError) throw result.value;
  }

  tryStart(): { value: MirrorVolume | EterneError | undefined } {
    const { network, options } = this.#mesh;
    const life = ++this.#life;
    const isDead = (): boolean => this.#life !== life;
    const config = this.#config();
    const world = this.#world(isDead);
    const arbiter = options.arbiter?.(this.name, config) ?? createLocalArbiter(world.timers, config);
    const result: { value: MirrorVolume | EterneError | undefined } = { value: undefined };
    BufferSlabs.poisons = true;
    openVolume(world, config, arbiter, (opened) => {
      result.value = opened;
      if (!(opened instanceof EterneError)) this.#volume = opened;
    });
    for (const address of this.addresses)
      network.listeners.set(address, {
        isDead,
        stillMs: () => this.#stillMs(),
        accept: (stream, preface) => this.#accept(stream, preface),
      });
    return result;
  }

  /** The process stops, as one that gets no processor: it reads nothing, and no timer fires. */
  standStill(durationMs: number): void {
    this.#stillUntilMs = this.#mesh.scheduler.nowMs + durationMs;
  }

  #stillMs(): number {
    return this.#stillUntilMs - this.#mesh.scheduler.nowMs;
  }

  /** The process dies. With `power`, un-flushed writes are lost, too, but for those that `keep` says. */
  kill(power = false, keep: () => boolean = () => false): void {
    this.#life += 1;
    this.#volume = undefined;
    for (const address of this.addresses) this.#mesh.network.listeners.delete(address);
    this.#mesh.network.reap();
    if (!power) return;
    for (const disk of [this.data, this.metadata, this.#rescue, ...this.images.values()])
      disk?.losePower(keep);
  }

  /** The rescue journal's store, where one is configured. */
  get rescue(): MemoryDisk {
    return (this.#rescue ??= new MemoryDisk(this.#config().rescueJournal?.maxBytes ?? 0));
  }

  #disk(path: string, mayCreate: boolean): MemoryDisk | undefined {
    if (path === 'rescue') return this.rescue;
    if (path === 'data' && this.data.isMissing) {
      if (!mayCreate) return undefined;
      this.data = new MemoryDisk(this.#diskBytes);
    }
    if (path === 'data' || path === 'metadata') return this[path];
    if (mayCreate && !this.images.has(path)) this.images.set(path, new MemoryDisk(this.#diskBytes));
    return this.images.get(path);
  }

  /** As the supervisor does, which has read the preface off the stream. */
  #accept(stream: Stream, preface: string): void {
    const [, from, kind, id] = /^ETERNE-MIRROR\/1 v0 (\S+)(?: (new|join):(\S+))?\n$/.exec(preface) ?? [];
    assert.ok(from, 'the dialer names itself');
    const path = id === undefined ? undefined : { kind: kind as 'new' | 'join', id };
    if (this.#volume === undefined) stream.destroy();
    else this.#volume.acceptStream(stream, from, path);
  }

  #config(): VolumeConfig {
    const others = this.#mesh.nodes
      .map(({ name }) => name)
      .filter((name) => name !== this.name && !this.strangers.has(name));
    const { rescueJournal, ...rest } = this.#mesh.options.config ?? {};
    return {
      name: 'v0',
      node: this.name,
      sizeBytes: SIZE_BYTES,
      mode: 'sync',
      devicePath: 'data',
      metadataPath: this.#metadataPath,
      peers: Object.fromEntries(others.map((name) => [name, [name]])),
      readPolicy: 'local',
      initialSync: 'none',
      splitBrain: { zeroPrimaries: 'disconnect', onePrimary: 'disconnect', twoPrimaries: 'disconnect' },
      onPeerLost: 'continue',
      congestion: { queueBytes: 64 * 1024 * 1024, policy: 'slow' },
      resyncRate: { minBytesPerSecond: 4 << 20, maxBytesPerSecond: 1 << 30 },
      diskTimeoutMs: 30_000,
      ...rest,
      ...(this.lives === undefined ? {} : { lives: this.lives }),
      ...(rescueJournal === undefined || !this.hasJournal ? {} : { rescueJournal }),
    };
  }

  #world(isDead: () => boolean): World {
    const { network, options, scheduler } = this.#mesh;
    const nothing = (): never => {
      throw new TypeError('not in these tests');
    };
    return {
      ...portsOf(scheduler, isDead, () => this.#stillMs()),
      random: this.#mesh.random,
      network: network.portOf(isDead, this.name, () => this.#stillMs()),
      stores: {
        open: (path, { createSizeBytes }, done) => {
          const disk = this.#disk(path, createSizeBytes !== undefined);
          scheduler.at(0, () => {
            if (isDead()) return;
            if (disk === undefined) return done(new EterneError('not-found', `there is no ${path}`));
            if (disk.holder?.() === false) return done(new EterneError('busy', `${path} is in use`));
            disk.holder = isDead;
            done(storeOn(disk, scheduler, isDead, options.diskDelayMs ?? (() => 0)));
          });
        },
      },
      files: new Proxy({}, { get: nothing }) as World['files'],
      processes: options.processes ?? (new Proxy({}, { get: nothing }) as World['processes']),
      log: (level, message) => this.logs.push(`${scheduler.nowMs.toFixed(1)} ${level} ${message}`),
    };
  }
}

/** Replicas on simulated ports. */
export class Mesh {
  readonly scheduler = new Scheduler();
  readonly network = new MemoryNetwork(this.scheduler);
  readonly options: MeshOptions;
  readonly nodes: readonly TestNode[];
  #uuid = 0;
  readonly random = {
    bytes: (length: number): Buffer => Buffer.alloc(length, 7),
    below: (bound: number): number => (this.#uuid = (this.#uuid * 7919 + 13) % 1_000_003) % bound,
    uuid: (): string => `00000000-0000-4000-8000-${String(++this.#uuid).padStart(12, '0')}`,
  };

  constructor(names: readonly string[], options: MeshOptions = {}) {
    this.options = options;
    this.nodes = names.map((name) => new TestNode(this, name));
  }

  until(isDone: () => boolean, limitMs = 10_000): void {
    if (this.scheduler.runUntil(isDone, limitMs)) return;
    const show = (node: TestNode): string => {
      try {
        return JSON.stringify(node.volume.status()) + '\n' + node.logs.join('\n');
      } catch {
        return 'down\n' + node.logs.join('\n');
      }
    };
    const shown = this.nodes.map((node) => `${node.name} ${show(node)}`).join('\n');
    assert.fail(`it did not happen in ${limitMs} ms:\n${shown}`);
  }

  promote(node: TestNode, request: Partial<PromoteRequest> = {}): void {
    const error = this.tryPromote(node, request);
    if (error !== undefined) throw error;
  }

  /** A cluster's term serves nothing before its first lease. */
  longLease(node: TestNode): void {
    node.volume.setLease({ validUntilBootMs: this.scheduler.nowMs + 1e6, graceMs: 1000 });
  }

  tryPromote(node: TestNode, request: Partial<PromoteRequest> = {}): EterneError | undefined {
    let result: { error: EterneError | undefined } | undefined;
    node.volume.promote({ force: false, ...request }, (error) => (result = { error }));
    this.until(() => result !== undefined);
    return result?.error;
  }

  demote(node: TestNode): void {
    let isDone = false;
    node.volume.demote((error) => {
      assert.equal(error, undefined);
      isDone = true;
    });
    this.until(() => isDone);
  }

  /** Starts a write; the answer is in the result. */
  begin(node: TestNode, block: number, fill: number, count = 1, fua = false): { answer: string | undefined } {
    const result: { answer: string | undefined } = { answer: undefined };
    const { device } = node.volume;
    assert.ok(device, `${node.name} serves`);
    const data = Buffer.alloc(count * BLOCK, fill);
    device.write(block * BLOCK, data, fua, (error) => (result.answer = error ?? 'ok'));
    return result;
  }

  write(node: TestNode, block: number, fill: number, count = 1): void {
    const result = this.begin(node, block, fill, count);
    this.until(() => result.answer !== undefined);
    assert.equal(result.answer, 'ok');
  }

  flush(node: TestNode): void {
    let answer: string | undefined;
    node.volume.device?.flush((error) => (answer = error ?? 'ok'));
    this.until(() => answer !== undefined);
    assert.equal(answer, 'ok');
  }

  read(node: TestNode, block: number): number {
    let value: number | undefined;
    node.volume.device?.read(block * BLOCK, BLOCK, (error, data) => {
      assert.equal(error, undefined);
      value = data[0];
    });
    this.until(() => value !== undefined);
    return value as number;
  }

  /** `volumeBytes`: where something else is behind the volume. */
  assertIdentical(volumeBytes?: number): void {
    const contentOf = ({ data }: TestNode): Buffer => data.content.subarray(0, volumeBytes);
    const [first, ...others] = this.nodes as [TestNode, ...TestNode[]];
    for (const other of others)
      assert.ok(contentOf(first).equals(contentOf(other)), `${first.name} and ${other.name} differ`);
  }
}
