/**
 * A front end for this machine's kernel: while the volume is primary here, a block device to make file systems on, mount and partition. It has an NBD export of its own, on a unix socket, and one
 * of several ways (`nbd.ts`, `iscsi.ts`, `fuse.ts`) to make a device of that.
 *
 * ```
 *   detached ──serve──▶ clearing ──▶ attaching ──▶ attached ──withdraw──▶ detached
 *                 └────── any step fails: again after RETRY_MS ──────┘
 * ```
 * Duties:
 * 1. A device belongs to one term: its client does not connect again, so nothing of an older term can be written into a newer one.
 * 2. What an earlier term or life left behind is taken away, and proven gone, before anything is attached; never while something newer is.
 */
import { EterneError } from '@eterne/base';
import type { Timer } from '@eterne/runtime';
import { ATTACH_WAYS, chooseAttachWay, type AttachChoice, type AttachWayName } from '../../attach/choose.ts';
import type { BridgeCommand } from '../../attach/iscsi-bridge.ts';
import type { VolumeConfig } from '../../engine/api.ts';
import type { ByteDevice } from '../../nbd/byte-device.ts';
import { formatNbdUri } from '../../nbd/client/uri.ts';
import { NbdServer } from '../../nbd/server.ts';
import type { FrontEnd } from '../front-end.ts';
import type { AttachExport } from '../port.ts';
import { FuseWay } from './fuse.ts';
import { IscsiWay } from './iscsi.ts';
import { NbdWay } from './nbd.ts';
import type { AttachWay, AttachWorld, Running } from './way.ts';

const RETRY_MS = 1000;

type State =
  | { readonly kind: 'detached' | 'clearing' }
  | { readonly kind: 'attaching'; readonly running: Running }
  | { readonly kind: 'attached'; readonly running: Running; readonly path: string };

export class AttachedDevice implements FrontEnd {
  readonly address = '';
  readonly #world: AttachWorld;
  readonly #volume: string;
  readonly #choice: AttachChoice;
  readonly #ways: Readonly<Record<AttachWayName, AttachWay>>;
  readonly #server: NbdServer;
  readonly #changed: () => void;
  #state: State = { kind: 'detached' };
  #retry: Timer | undefined;
  /** Counts terms: what an earlier one still waits for is void. */
  #turn = 0;
  #isClearing = false;
  /** Whoever wants it clear now; a newer one replaces an older one. */
  #afterClear: ((failure: string | undefined) => void) | undefined;

  private constructor(
    world: AttachWorld,
    volume: string,
    choice: AttachChoice,
    ways: Readonly<Record<AttachWayName, AttachWay>>,
    server: NbdServer,
    changed: () => void,
  ) {
    this.#world = world;
    this.#volume = volume;
    this.#choice = choice;
    this.#ways = ways;
    this.#server = server;
    this.#changed = changed;
  }

  /** `changed`: `path` has. */
  static listen(
    world: AttachWorld,
    { name, node }: Pick<VolumeConfig, 'name' | 'node'>,
    { folder, as }: AttachExport,
    bridge: BridgeCommand | undefined,
    changed: () => void,
    done: (result: AttachedDevice | EterneError) => void,
  ): void {
    const place = `${folder}/${node}.${name}.attached`;
    const socketPath = `${place}.sock`;
    NbdServer.listen(world, `unix:${socketPath}`, name, (server) => {
      if (server instanceof EterneError) return done(server);
      const uri = formatNbdUri({ address: server.address, exportName: name });
      const ways = {
        nbd: new NbdWay(world, name, socketPath),
        iscsi: new IscsiWay(world, uri, socketPath, bridge),
        fuse: new FuseWay(world, uri, `${place}/disk`),
      };
      done(new AttachedDevice(world, name, as, ways, server, changed));
    });
  }

  /** Of the block device. */
  get path(): string | undefined {
    return this.#state.kind === 'attached' ? this.#state.path : undefined;
  }

  serve(bytes: ByteDevice): void {
    this.withdraw();
    this.#server.serve(bytes);
    this.#attach(this.#turn);
  }

  withdraw(): void {
    this.#turn += 1;
    this.#retry?.cancel();
    this.#server.withdraw();
    this.#detach();
  }

  close(): void {
    this.withdraw();
    this.#server.close();
  }

  #detach(): void {
    const state = this.#state;
    this.#state = { kind: 'detached' };
    if ('running' in state) state.running.end();
    if (state.kind !== 'detached') this.#clear(() => {});
    if (state.kind === 'attached') this.#changed();
  }

  #attach(turn: number): void {
    this.#state = { kind: 'clearing' };
    this.#clear((failure) => {
      if (turn !== this.#turn) return;
      if (failure !== undefined) return this.#failed(turn, failure);
      chooseAttachWay(this.#world, this.#choice, (way) => {
        if (turn === this.#turn) this.#begin(turn, this.#ways[way]);
      });
    });
  }

  #begin(turn: number, way: AttachWay): void {
    const running = way.begin(
      (path) => {
        if (turn !== this.#turn) return;
        this.#state = { kind: 'attached', running, path };
        this.#changed();
      },
      (reason) => this.#failed(turn, reason),
    );
    this.#state = { kind: 'attaching', running };
  }

  #failed(turn: number, reason: string): void {
    if (turn !== this.#turn) return;
    this.#world.log('warn', 'a volume cannot be attached', { volume: this.#volume, reason });
    this.#detach();
    this.#retry = this.#world.timers.after(RETRY_MS, () => this.#attach(turn));
  }

  /** One after the other, so that none of an earlier turn meets what a later one has attached (duty 2). */
  #clear(then: (failure: string | undefined) => void): void {
    this.#afterClear = then;
    if (this.#isClearing) return;
    this.#isClearing = true;
    this.#clearWays(ATTACH_WAYS, undefined, (failure) => {
      this.#isClearing = false;
      const next = this.#afterClear;
      this.#afterClear = undefined;
      if (next === then) then(failure);
      else if (next !== undefined) this.#clear(next);
    });
  }

  /** All of them; the first failure is told. */
  #clearWays(
    [way, ...others]: readonly AttachWayName[],
    failure: string | undefined,
    done: (failure: string | undefined) => void,
  ): void {
    if (way === undefined) return done(failure);
    this.#ways[way].clear((left) => this.#clearWays(others, failure ?? left, done));
  }
}
