import assert from 'node:assert/strict';
import { MIB } from '@eterne/base';
import type { MirrorVolume, VolumeConfig, VolumeStatus } from '@eterne/disk/engine/api.ts';
import { metadataBytes } from '@eterne/disk/metadata/index.ts';
import type { BlockDevice, DeviceErrorCode } from '@eterne/runtime';
import { Arbiter } from '../../src/mirror/arbiter.ts';
import { VolumeHost } from '../../src/mirror/host.ts';
import type { SimDisk } from '../../src/world/disk.ts';
import type { SimNode } from '../../src/world/node.ts';
import { Universe } from '../../src/world/universe.ts';

/** Two extents of the activity log and a bit. */
export const VOLUME_BYTES = 8 * MIB + 4096 * 3;
export const SECTORS = VOLUME_BYTES / 512;
const PATIENCE_MS = 60_000;
const STEP_MS = 20;

type Which = 'primary' | 'secondary';
type DeviceDone = (error: DeviceErrorCode | undefined) => void;

/** Two replicas of one volume under the scripted arbiter; each call returns when what it asks for has come about. */
export class Pair {
  private readonly universe: Universe;
  private readonly nodes: readonly SimNode[];
  private readonly arbiterNode: SimNode;
  private readonly arbiter: Arbiter;
  private readonly hosts = new Map<SimNode, VolumeHost>();

  constructor(seed: number) {
    this.universe = new Universe(seed, { keepLines: false });
    this.nodes = ['a', 'b'].map((name, i) => this.universe.addNode(name, [`10.0.0.${i + 1}`]));
    this.arbiterNode = this.universe.addNode('w', ['10.0.0.100']);
    const control = (name: string): string => (name === 'a' ? '10.0.0.1:7000' : '10.0.0.2:7000');
    this.arbiter = new Arbiter(
      this.arbiterNode.start('arbiter').world,
      this.universe.prng('arbiter'),
      control,
    );
    this.arbiter.start();
    for (const node of this.nodes) this.start(node);
  }

  get disks(): [SimDisk, SimDisk] {
    const [a, b] = this.nodes.map((node) => node.disk('data.img'));
    assert.ok(a !== undefined && b !== undefined);
    return [a, b];
  }

  /** Done by whoever is primary; again by the next one when it was not answered, as a client with a retrying driver would. */
  complete(act: (device: BlockDevice, done: DeviceDone) => void): void {
    for (let hasSucceeded = false; !hasSucceeded;) {
      const { volume, device, host } = this.serving();
      let answer: DeviceErrorCode | 'ok' | undefined;
      host.process.enter(() => act(device, (error) => (answer = error ?? 'ok')));
      this.await('an answer', () => answer !== undefined || volume.device !== device || !host.process.alive);
      hasSucceeded = answer === 'ok';
    }
  }

  read(offset: number, lengthBytes: number): Buffer {
    let content = Buffer.alloc(0);
    this.complete((device, done) =>
      device.read(offset, lengthBytes, (error, data) => {
        content = Buffer.from(data);
        done(error);
      }),
    );
    return content;
  }

  kill(which: Which): void {
    const node = this.nodeThatIs(which);
    this.hosts.get(node)?.process.crash();
    this.start(node);
  }

  /** After a flush: what is not flushed may be lost with the power, when this replica is promoted before anybody has noticed. */
  loseSecondary(): void {
    this.complete((device, done) => device.flush(done));
    const node = this.nodeThatIs('secondary');
    node.powerOff();
    this.wait(300);
    node.powerOn();
    this.start(node);
  }

  cut(): void {
    this.link(false);
  }

  heal(): void {
    this.link(true);
  }

  switchOver(): void {
    this.arbiter.switchRequested = true;
    this.wait(200);
  }

  wait(durationMs: number): void {
    this.universe.runUntil(this.universe.nowMs + durationMs);
    assert.equal(this.universe.violation, undefined);
  }

  becomeWhole(): void {
    this.heal();
    this.await('two equal replicas', () => {
      const statuses = this.nodes.map((node) => this.hosts.get(node)?.volume?.status());
      return statuses.every((status) => status !== undefined && isWhole(status));
    });
  }

  private serving(): { volume: MirrorVolume; device: BlockDevice; host: VolumeHost } {
    const find = () =>
      [...this.hosts.values()].find(({ process, volume }) => process.alive && volume?.device !== undefined);
    this.await('a primary', () => find() !== undefined);
    const host = find();
    assert.ok(host?.volume?.device !== undefined);
    return { volume: host.volume, device: host.volume.device, host };
  }

  private nodeThatIs(which: Which): SimNode {
    const { node } = this.serving().host.process;
    const [a, b] = this.nodes;
    assert.ok(a !== undefined && b !== undefined);
    const other = node === a ? b : a;
    return which === 'primary' ? node : other;
  }

  private link(isUp: boolean): void {
    const [a, b] = this.nodes;
    assert.ok(a !== undefined && b !== undefined);
    this.universe.network.setLink(a, b, isUp);
    this.universe.network.setLink(b, a, isUp);
  }

  private await(what: string, isThere: () => boolean): void {
    const deadlineMs = this.universe.nowMs + PATIENCE_MS;
    while (!isThere()) {
      assert.ok(this.universe.nowMs < deadlineMs, `${what} within ${PATIENCE_MS} ms`);
      this.wait(STEP_MS);
    }
  }

  private start(node: SimNode): void {
    const [self, peer] =
      node.name === 'a' ? (['10.0.0.1', '10.0.0.2'] as const) : (['10.0.0.2', '10.0.0.1'] as const);
    const config: VolumeConfig = {
      name: 'v0',
      node: node.name,
      sizeBytes: VOLUME_BYTES,
      mode: 'sync',
      devicePath: 'data.img',
      metadataPath: 'data.meta',
      peers: { [node.name === 'a' ? 'b' : 'a']: [`${peer}:7701`] },
      readPolicy: 'local',
      initialSync: 'none',
      splitBrain: { zeroPrimaries: 'disconnect', onePrimary: 'disconnect', twoPrimaries: 'disconnect' },
      onPeerLost: 'continue',
      resyncRate: { minBytesPerSecond: 4 * MIB, maxBytesPerSecond: 1024 * MIB },
      diskTimeoutMs: 30_000,
      congestion: { queueBytes: 64 * MIB, policy: 'slow' },
    };
    node.disk('data.meta').sizeBytes ||= metadataBytes(VOLUME_BYTES);
    node.disk('data.img').sizeBytes ||= VOLUME_BYTES;
    const addresses = { control: `${self}:7000`, replication: [`${self}:7701`] };
    const host = new VolumeHost(node.start('disk'), config, addresses, undefined, () => undefined);
    this.hosts.set(node, host);
    host.start();
  }
}

function isWhole({ disk, dirtyBytes, peers }: VolumeStatus): boolean {
  return (
    disk === 'UpToDate' && dirtyBytes === 0 && peers.every(({ replication }) => replication === 'Established')
  );
}
