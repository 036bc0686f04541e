import type { MirrorVolume } from '@eterne/disk/engine/api.ts';
import type { Fault } from '../faults/plan.ts';
import type { SimNode } from '../world/node.ts';

/** What happens to a mirror beside what happens to every one, and who looks on. */
export interface Extras {
  /** Beside those that every machine suffers. */
  readonly faults: Readonly<Record<string, Fault>>;
  /** Before anybody lives. */
  prepare(): void;
  /** A process of this node has opened its volume. */
  opened(node: SimNode): void;
  /** The status of a replica may have changed. */
  looked(node: SimNode, volume: MirrorVolume): void;
  /** Bytes of a replica have just changed. */
  landed(node: SimNode, offset: number, lengthBytes: number): void;
  /** A disk took no write of bytes of a replica. */
  refused(node: SimNode, offset: number, lengthBytes: number): void;
  /** The disks of a node are about to become others. */
  beforeDisksChange(node: SimNode): void;
  /** Everything is healed, the volume is whole, and clients are at work. */
  tryOut(): void;
  /** The same, when all clients have stopped. */
  tryOutIdle(): void;
}

const nothing = (): void => undefined;

export const NO_EXTRAS: Extras = {
  faults: {},
  prepare: nothing,
  opened: nothing,
  looked: nothing,
  landed: nothing,
  refused: nothing,
  beforeDisksChange: nothing,
  tryOut: nothing,
  tryOutIdle: nothing,
};
