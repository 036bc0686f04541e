/** A device with data from its beginning, and metadata behind that, which makes room for more data by moving further back. */
import type { BlockStore, StoreDone } from '@eterne/runtime';
import { lengthen } from '../../grow-store.ts';
import { metadataBytes } from '../../metadata/index.ts';
import { PAGE_BYTES } from '../../metadata/layout.ts';
import { HeldStore } from './held-store.ts';
import { placeBehind } from './internal-place.ts';
import { putSign, signOffset } from './internal-sign.ts';
import { moveMetadata } from './move-metadata.ts';
import { RegionStore, type Region } from './region-store.ts';

export class InternalDevice {
  /** Up to where the metadata begins. */
  readonly data: BlockStore;
  readonly metadata: BlockStore;
  readonly #device: BlockStore;
  readonly #held: HeldStore;
  #region: Region;
  #openCount = 2;

  constructor(device: BlockStore, start: number) {
    this.#device = device;
    this.#region = { start, sizeBytes: device.sizeBytes - start };
    const close = (done: () => void): void => this.#released(done);
    this.data = new RegionStore({
      whole: device,
      region: () => ({ start: 0, sizeBytes: this.#region.start }),
      grow: (sizeBytes, done) => this.#moveBehind(sizeBytes, done),
      close,
    });
    const metadata = new RegionStore({
      whole: device,
      region: () => this.#region,
      grow: (sizeBytes, done) => this.#growMetadata(sizeBytes, done),
      close,
    });
    this.#held = new HeldStore(metadata);
    this.metadata = this.#held;
  }

  get start(): number {
    return this.#region.start;
  }

  /** So long is the metadata that was found, or made: what is behind it belongs to nobody. The sign is put there if there is room. */
  settle(sizeBytes: number, done: StoreDone): void {
    const { start } = this.#region;
    this.#region = { start, sizeBytes };
    const endBytes = start + sizeBytes;
    lengthen(this.#device, endBytes + PAGE_BYTES, (noRoom) => {
      if (noRoom !== undefined || signOffset(this.#device) < endBytes) done(undefined);
      else putSign(this.#device, start, false, done);
    });
  }

  #moveBehind(dataBytes: number, done: StoreDone): void {
    const from = this.#region;
    const to = placeBehind(Math.max(dataBytes, from.start + from.sizeBytes));
    this.#reserve(to + metadataBytes(dataBytes), (error) => {
      if (error !== undefined) return done(error);
      const moved = (): void => void (this.#region = { ...from, start: to });
      moveMetadata({ device: this.#device, metadata: this.#held, from, to, moved }, done);
    });
  }

  #growMetadata(sizeBytes: number, done: StoreDone): void {
    const { start } = this.#region;
    this.#reserve(start + sizeBytes, (error) => {
      if (error === undefined) this.#region = { start, sizeBytes };
      done(error);
    });
  }

  /** The sign is at the device's new end before anything is written over where it was. */
  #reserve(endBytes: number, done: StoreDone): void {
    const beforeBytes = this.#device.sizeBytes;
    lengthen(this.#device, endBytes + PAGE_BYTES, (error) => {
      if (error !== undefined) done(error);
      else putSign(this.#device, this.#region.start, this.#device.sizeBytes > beforeBytes, done);
    });
  }

  #released(done: () => void): void {
    this.#openCount -= 1;
    if (this.#openCount > 0) done();
    else this.#device.close(done);
  }
}
