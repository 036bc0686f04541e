/**
 * One device of a joined volume: a replica like any other, opened and given up by its owner, and opened again after it has failed.
 *
 * ```
 * closed ──open──▶ opening ──▶ open ──failed──▶ closing ──▶ waiting ──a second──▶ opening
 *    ▲                │ cannot be opened                       ▲
 *    │                └─────────────────────────────────────────┘
 *    └──close── (from every state, once what is under way is over)
 * ```
 */
import { EterneError } from '@eterne/base';
import type { Timer, World } from '@eterne/runtime';
import type { Arbiter, LocalReplica, VolumeConfig } from '../engine/api.ts';
import { openVolume } from '../engine/volume.ts';
import type { LegNetwork } from './leg-network.ts';
import { WatchedStores } from './watched-stores.ts';

const RETRY_MS = 1000;

export interface LegOwner {
  /** The device is open, or cannot be, or its state has changed. */
  legMoved(leg: Leg): void;
  reservedByOther(leg: Leg, message: string): void;
  /** May a device be taken from another host now? */
  mayTake(): boolean;
  /** Is it sure, right now, that this host is the one to serve? */
  isRightful(answer: (isRightful: boolean) => void): void;
}

export interface LegParts {
  readonly world: World;
  readonly network: LegNetwork;
  /** Of the replica on this device; its node is the device's name. */
  readonly config: VolumeConfig;
  readonly arbiter: Arbiter;
  readonly owner: LegOwner;
}

type State =
  | { readonly kind: 'closed' }
  | { readonly kind: 'opening' }
  | { readonly kind: 'open'; readonly volume: LocalReplica }
  | { readonly kind: 'closing' }
  | { readonly kind: 'waiting'; readonly timer: Timer };

export class Leg {
  readonly name: string;
  readonly #parts: LegParts;
  readonly #world: World;
  readonly #stores: WatchedStores;
  #state: State = { kind: 'closed' };
  #problem: EterneError | undefined;
  /** A host that served before may still hold the device. One that takes it after us is to be left in peace. */
  #mayPreempt = false;
  #wasOpen = false;
  #isWanted = false;
  #onClosed: (() => void)[] = [];

  constructor(parts: LegParts) {
    this.#parts = parts;
    this.name = parts.config.node;
    const { network, owner, world } = parts;
    this.#stores = new WatchedStores(world.stores, {
      mayPreempt: () => this.#mayPreempt && owner.mayTake(),
      reservedByOther: (message) => owner.reservedByOther(this, message),
      lost: (message) => this.volume?.fail(message),
    });
    this.#world = { ...world, network: network.portOf(this.name), stores: this.#stores };
  }

  get devicePath(): string {
    return this.#parts.config.devicePath;
  }

  get volume(): LocalReplica | undefined {
    return this.#state.kind === 'open' ? this.#state.volume : undefined;
  }

  /** Not open yet, and nothing is known of it. */
  get isPending(): boolean {
    return this.#state.kind === 'opening' && this.#problem === undefined;
  }

  /** It is to be open, and opened again if it cannot. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** Why it is not open. */
  get problem(): EterneError | undefined {
    return this.#problem;
  }

  /** `legMoved` follows. */
  open(): void {
    this.#isWanted = true;
    this.#wasOpen = false;
    this.#problem = undefined;
    this.#begin(true);
  }

  /** Its disk has failed: it is closed, and opened again until that works. */
  reopen(): void {
    if (this.#state.kind === 'open') this.#closeVolume(this.#state.volume);
  }

  /** Is the device there, and still this host's? `reservedByOther` comes first if it is another's. */
  probe(done: (isOurs: boolean) => void): void {
    if (this.volume === undefined) done(false);
    else this.#stores.probe(done);
  }

  /** As `probe`, where nothing was written lately that would have told. */
  probeIfIdle(): void {
    this.#stores.probeIdle();
  }

  /** Does not wait for the next attempt. */
  retryNow(): void {
    if (this.#state.kind !== 'waiting') return;
    this.#state.timer.cancel();
    this.#retry();
  }

  /** For good, or until `open`. */
  close(done: () => void): void {
    this.#isWanted = false;
    const state = this.#state;
    if (state.kind === 'closed') return done();
    this.#onClosed.push(done);
    if (state.kind === 'open') this.#closeVolume(state.volume);
    if (state.kind !== 'waiting') return;
    state.timer.cancel();
    this.#settle();
  }

  #retry(): void {
    this.#state = { kind: 'opening' };
    if (this.#wasOpen) this.#begin(false);
    else this.#parts.owner.isRightful((isRightful) => this.#begin(isRightful));
  }

  #begin(mayPreempt: boolean): void {
    const { arbiter, config } = this.#parts;
    this.#mayPreempt = mayPreempt;
    this.#state = { kind: 'opening' };
    openVolume(this.#world, config, arbiter, (volume) => {
      this.#mayPreempt = false;
      if (volume instanceof EterneError) return this.#failedToOpen(volume);
      if (!this.#isWanted) return this.#closeVolume(volume);
      this.#opened(volume);
    });
  }

  #opened(volume: LocalReplica): void {
    const { network, owner } = this.#parts;
    this.#problem = undefined;
    this.#wasOpen = true;
    this.#state = { kind: 'open', volume };
    network.open(this.name, (stream, from) => volume.acceptStream(stream, from));
    volume.onChange(() => {
      if (this.volume === volume) owner.legMoved(this);
    });
    owner.legMoved(this);
  }

  #failedToOpen(error: EterneError): void {
    const { config, owner, world } = this.#parts;
    if (this.#problem?.message !== error.message)
      world.log('warn', `volume ${config.name}: device ${this.name}: ${error.message}`);
    this.#problem = error;
    this.#settle();
    // A file may be locked by whoever copies it; a LUN that was ours is reserved by who serves from it.
    if (error.code === 'busy' && this.#wasOpen && config.devicePath.startsWith('iscsi://'))
      owner.reservedByOther(this, error.message);
    owner.legMoved(this);
  }

  #closeVolume(volume: LocalReplica): void {
    this.#state = { kind: 'closing' };
    this.#parts.network.close(this.name);
    volume.close(() => this.#settle());
  }

  /** Nothing is open, nor under way. */
  #settle(): void {
    if (this.#isWanted) {
      const timer = this.#world.timers.after(RETRY_MS, () => this.#retry());
      this.#state = { kind: 'waiting', timer };
      return;
    }
    this.#state = { kind: 'closed' };
    this.#problem = undefined;
    for (const done of this.#onClosed.splice(0)) done();
  }
}
