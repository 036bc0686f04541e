/**
 * A bridge from its beginning to its end: to its export, what open-iscsi remembers of older ones forgotten, a disk of the kernel's, and then for as long as the export is there.
 *
 * Whoever asks it to end has an ordered end, whatever becomes of the export or the attachment meanwhile: the two often go at the same moment.
 */
import { EterneError } from '@eterne/base';
import { forgetBridges } from '@eterne/disk/attach/iscsi-bridge.ts';
import type { World } from '@eterne/runtime';
import { Bridge, type BridgeWorld } from './bridge.ts';
import type { attachTarget } from './open-iscsi.ts';

export interface BridgeLifeSpec {
  /** NBD URI of the export. */
  readonly uri: string;
  /** What names of the export's bridges begin with. */
  readonly prefix: string;
  readonly uid: number;
  readonly attach: typeof attachTarget;
  /** Once. `failure`: nobody asked for it. */
  readonly ended: (failure: string | undefined) => void;
}

type LifeWorld = BridgeWorld & Pick<World, 'processes'>;

export class BridgeLife {
  readonly #ended: (failure: string | undefined) => void;
  #bridge: Bridge | undefined;
  #isEnding = false;

  constructor(world: LifeWorld, { uri, prefix, uid, attach, ended }: BridgeLifeSpec) {
    this.#ended = ended;
    const name = `${prefix}${world.random.uuid()}`;
    const onOver = (): void => this.#fail(`${uri} has ended`);
    Bridge.open(world, { uri, name, uid, onOver }, (bridge) => {
      if (bridge instanceof EterneError) return this.#fail(bridge.message);
      if (this.#isEnding) return bridge.close(() => {});
      this.#bridge = bridge;
      forgetBridges(world, prefix, () => {
        if (this.#isEnding) return;
        attach(world, name, bridge.address, (error) => {
          if (error !== undefined) this.#fail(error.message);
        });
      });
    });
  }

  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    if (this.#bridge === undefined) this.#ended(undefined);
    else this.#bridge.close(() => this.#ended(undefined));
  }

  #fail(reason: string): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#ended(reason);
    this.#bridge?.close(() => {});
  }
}
