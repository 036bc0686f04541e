import assert from 'node:assert/strict';
import type { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import type { LocalReplicaStatus, VolumeConfig, VolumeStatus } from '../../../src/engine/api.ts';
import { internalOffset } from '../../../src/engine/disk/internal-place.ts';
import { JoinedVolume } from '../../../src/joined/joined-volume.ts';
import { metadataBytes } from '../../../src/metadata/index.ts';
import { BLOCK, SIZE_BYTES } from '../../engine/support/mesh.ts';
import { portsOf, Scheduler } from '../../engine/support/scheduler.ts';
import { volumeConfig } from '../../support/volume-config.ts';
import { DiskArray } from './array.ts';

export interface SiteOptions {
  readonly config?: Partial<VolumeConfig>;
  readonly diskDelayMs?: () => number;
  readonly arrays?: readonly string[];
}

/** A host that may serve the volume; its process comes and goes. */
export class Host {
  readonly name: string;
  readonly logs: string[] = [];
  readonly #site: Site;
  #life = 0;
  #volume: JoinedVolume | undefined;

  constructor(site: Site, name: string) {
    this.#site = site;
    this.name = name;
  }

  get volume(): JoinedVolume {
    assert.ok(this.#volume, `${this.name} is up`);
    return this.#volume;
  }

  get isUp(): boolean {
    return this.#volume !== undefined;
  }

  start(): void {
    const life = ++this.#life;
    const world = this.#world(() => this.#life !== life);
    this.#volume = new JoinedVolume(world, this.#site.config(this.name));
  }

  kill(): void {
    this.#life += 1;
    this.#volume = undefined;
  }

  #world(isDead: () => boolean): World {
    const { arrays, random, scheduler } = this.#site;
    const nothing = (): never => {
      throw new TypeError('not in these tests');
    };
    return {
      ...portsOf(scheduler, isDead),
      random,
      network: new Proxy({}, { get: nothing }) as World['network'],
      stores: {
        open: (path, options, done) => {
          const array = arrays.find(({ name }) => path === `iscsi://${name}`);
          assert.ok(array, `there is no ${path}`);
          scheduler.at(this.#site.delayOpeningMs, () => array.open(this.name, isDead, options, done));
        },
      },
      files: new Proxy({}, { get: nothing }) as World['files'],
      processes: new Proxy({}, { get: nothing }) as World['processes'],
      log: (level, message) => this.logs.push(`${scheduler.nowMs.toFixed(1)} ${level} ${message}`),
    };
  }
}

/** Two hosts `a` and `b`, and disk arrays that both reach. */
export class Site {
  readonly scheduler = new Scheduler();
  readonly arrays: readonly DiskArray[];
  readonly d1: DiskArray;
  readonly d2: DiskArray;
  readonly a: Host;
  readonly b: Host;
  readonly #options: SiteOptions;
  #uuid = 0;
  /** More than usual, of every device from now on. */
  delayOpeningMs = 0;
  readonly random = {
    bytes: (length: number): Buffer => Buffer.alloc(length, 7),
    below: (bound: number): number => (this.#uuid = (this.#uuid * 7919 + 13) % 1_000_003) % bound,
    uuid: (): string => `00000000-0000-4000-8000-${String(++this.#uuid).padStart(12, '0')}`,
  };

  constructor(options: SiteOptions = {}) {
    this.#options = options;
    const delayMs = options.diskDelayMs ?? ((): number => 0.2);
    const sizeBytes = internalOffset(SIZE_BYTES) + metadataBytes(SIZE_BYTES);
    const names = options.arrays ?? ['d1', 'd2'];
    this.arrays = names.map((name) => new DiskArray(name, sizeBytes, this.scheduler, delayMs));
    [this.d1, this.d2] = this.arrays as [DiskArray, DiskArray];
    this.a = new Host(this, 'a');
    this.b = new Host(this, 'b');
  }

  /** Both hosts up, `a` serves, all arrays equal. */
  startServing(): this {
    this.a.start();
    this.b.start();
    this.promote(this.a, true);
    this.until(() => this.isWhole(this.a));
    return this;
  }

  config(node: string): VolumeConfig {
    return volumeConfig('v0', {
      node,
      sizeBytes: SIZE_BYTES,
      devices: Object.fromEntries(this.arrays.map(({ name }) => [name, `iscsi://${name}`])),
      metadataPath: 'internal',
      ...this.#options.config,
    });
  }

  until(isDone: () => boolean, limitMs = 20_000): void {
    if (this.scheduler.runUntil(isDone, limitMs)) return;
    const shown = [this.a, this.b]
      .map(
        (host) =>
          `${host.name} ${host.isUp ? JSON.stringify(host.volume.status()) : 'down'}\n${host.logs.join('\n')}`,
      )
      .join('\n');
    assert.fail(`it did not happen in ${limitMs} ms:\n${shown}`);
  }

  tryPromote(host: Host, force = false): EterneError | undefined {
    let result: { readonly error: EterneError | undefined } | undefined;
    host.volume.promote({ force }, (error) => (result = { error }));
    this.until(() => result !== undefined);
    return result?.error;
  }

  promote(host: Host, force = false): void {
    const error = this.tryPromote(host, force);
    if (error !== undefined) throw error;
  }

  demote(host: Host): void {
    let isDone = false;
    host.volume.demote(() => (isDone = true));
    this.until(() => isDone);
  }

  /** Starts a write; the answer is in the result. */
  begin(host: Host, block: number, fill: number, count = 1): { answer: string | undefined } {
    const result: { answer: string | undefined } = { answer: undefined };
    const { device } = host.volume;
    assert.ok(device, `${host.name} serves`);
    device.write(block * BLOCK, Buffer.alloc(count * BLOCK, fill), false, (error) => {
      result.answer = error ?? 'ok';
    });
    return result;
  }

  write(host: Host, block: number, fill: number, count = 1): void {
    const result = this.begin(host, block, fill, count);
    this.until(() => result.answer !== undefined);
    assert.equal(result.answer, 'ok');
  }

  read(host: Host, block: number): number {
    let value: number | undefined;
    host.volume.device?.read(block * BLOCK, BLOCK, (error, data) => {
      assert.equal(error, undefined);
      value = data[0];
    });
    this.until(() => value !== undefined);
    return value as number;
  }

  flush(host: Host): void {
    let answer: string | undefined;
    host.volume.device?.flush((error) => (answer = error ?? 'ok'));
    this.until(() => answer !== undefined);
    assert.equal(answer, 'ok');
  }

  replica(host: Host, name: string): LocalReplicaStatus {
    const found = host.volume.status().localReplicas?.find((replica) => replica.name === name);
    assert.ok(found, `${host.name} shows ${name}`);
    return found;
  }

  isWhole(host: Host): boolean {
    const { localReplicas = [], inSyncSet, role }: VolumeStatus = host.volume.status();
    const isGood = ({ disk, dirtyBytes }: LocalReplicaStatus): boolean =>
      disk === 'UpToDate' && dirtyBytes === 0;
    return role === 'primary' && inSyncSet.length === this.arrays.length && localReplicas.every(isGood);
  }

  localReplicasParted(host: Host): boolean {
    return host.volume.status().localReplicas?.some(({ splitBrain }) => splitBrain) === true;
  }

  resize(host: Host, sizeBytes: number): { answer: string | undefined } {
    const result: { answer: string | undefined } = { answer: undefined };
    host.volume.resize(sizeBytes, (error) => (result.answer = error?.code ?? 'ok'));
    return result;
  }

  contentOf(array: DiskArray, sizeBytes = SIZE_BYTES): Buffer {
    return array.disk.content.subarray(0, sizeBytes);
  }

  assertIdentical(sizeBytes = SIZE_BYTES): void {
    for (const array of this.arrays)
      assert.ok(
        this.contentOf(array, sizeBytes).equals(this.contentOf(this.d1, sizeBytes)),
        `d1 and ${array.name} differ`,
      );
  }
}
