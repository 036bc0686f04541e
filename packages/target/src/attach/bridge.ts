/**
 * An NBD export as the one LUN of an iSCSI target for this machine's own kernel:
 *
 *   export ──NBD──► bridge ──iSCSI, over loopback──► the kernel's initiator
 *
 * 1. It lets in one connection of this process's user, and listens no more: who has lost it, or is somebody else, never reaches the export.
 * 2. It is over when its export is: an export belongs to one term, and what the kernel still sends is answered by nobody.
 */
import { EterneError } from '@eterne/base';
import { BufferSlabs } from '@eterne/disk/engine/buffer-slabs.ts';
import { COMMAND_TIMEOUT_S } from '@eterne/disk/attach/iscsi-bridge.ts';
import { openNbdStore } from '@eterne/disk/nbd/client/store.ts';
import type { Address, BlockStore, Listener, Stream, World } from '@eterne/runtime';
import { storeDevice } from '../lun/store-device.ts';
import { identityFrom } from '../scsi/identity.ts';
import { LogicalUnit } from '../scsi/logical-unit.ts';
import { ONLY_PORT } from '../scsi/ports.ts';
import { ReservationKeeper } from '../scsi/reservations/keeper.ts';
import { ScsiTarget } from '../scsi/scsi-target.ts';
import { TargetServer } from '../target-server.ts';
import { ownerOfPeer } from './tcp-owner.ts';

const LUN = 1;
/** Whoever gives a command up first should be the kernel. */
const EXPORT_TIMEOUT_MS = 2 * COMMAND_TIMEOUT_S * 1000;

export type BridgeWorld = Pick<World, 'network' | 'timers' | 'clock' | 'random' | 'log' | 'files'>;

export interface BridgeSpec {
  /** NBD URI of the export. */
  readonly uri: string;
  /** The target's; of nobody else, ever. */
  readonly name: string;
  /** Whose connection it takes. */
  readonly uid: number;
  /** The export is gone (duty 2): the process has nothing left to do. */
  readonly onOver: () => void;
}

export class Bridge {
  readonly #world: BridgeWorld;
  readonly #spec: BridgeSpec;
  readonly #server: TargetServer;
  readonly #store: BlockStore;
  #listener: Listener | undefined;
  /** Has been let in, or is being looked at. */
  #client: Stream | undefined;

  private constructor(world: BridgeWorld, spec: BridgeSpec, store: BlockStore) {
    this.#world = world;
    this.#spec = spec;
    this.#store = store;
    const memory = new BufferSlabs();
    this.#server = new TargetServer(world, memory);
    const attributes = {
      blockBytes: 512,
      physicalBlockBytes: 4096,
      thin: store.canPunch,
      removable: false,
      identity: identityFrom(spec.name),
      soon: (fire: () => void) => world.timers.soon(fire),
      memory,
    } as const;
    const device = storeDevice(spec.uri, store, false);
    const unit = new LogicalUnit(LUN, device, attributes, ReservationKeeper.volatile());
    this.#server.serve({ scsi: new ScsiTarget(spec.name, [unit]), initiators: [], chap: undefined });
  }

  /** On a port of 127.0.0.1 that the kernel chooses. */
  static open(world: BridgeWorld, spec: BridgeSpec, done: (result: Bridge | EterneError) => void): void {
    const options = { timeoutMs: EXPORT_TIMEOUT_MS, onLost: spec.onOver };
    openNbdStore(world, spec.uri, options, (store) => {
      if (store instanceof EterneError) return done(store);
      const bridge = new Bridge(world, spec, store);
      world.network.listen(
        '127.0.0.1:0',
        (stream) => bridge.#arrived(stream),
        (listener) => {
          if (listener instanceof EterneError) return store.close(() => done(listener));
          bridge.#listener = listener;
          done(bridge);
        },
      );
    });
  }

  get address(): Address {
    return this.#listener?.address ?? '';
  }

  /** The session is asked to log out, and what it has begun is ended. */
  close(done: () => void): void {
    this.#listener?.close();
    this.#server.close(() => this.#store.close(done));
  }

  /** Duty 1. Whoever comes while another is looked at may come again. */
  #arrived(stream: Stream): void {
    if (this.#client !== undefined) return stream.destroy();
    this.#client = stream;
    const { localAddress, remoteAddress } = stream;
    ownerOfPeer(this.#world.files, remoteAddress, localAddress, (uid) => {
      if (uid !== this.#spec.uid) {
        this.#world.log('warn', 'a stranger at the bridge', { uid });
        this.#client = undefined;
        return stream.destroy();
      }
      this.#listener?.close();
      this.#server.admit(stream, { portal: localAddress, port: ONLY_PORT });
    });
  }
}
