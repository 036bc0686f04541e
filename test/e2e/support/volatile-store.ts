/**
 * A disk with a volatile cache, served over NBD by the test itself, so that it outlives the disk process that uses it. What was not flushed when
 * that process is killed is lost sector by sector, at random: dropped or torn writes, in any order. (The page cache would keep it all.)
 */
import { EterneError } from '@eterne/base';
import { ByteDevice } from '@eterne/disk/nbd/byte-device.ts';
import { NbdServer } from '@eterne/disk/nbd/server.ts';
import type { BlockDevice, DeviceDone, DeviceErrorCode } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';

const SECTOR_BYTES = 512;

export class VolatileStore implements BlockDevice {
  readonly name = 'store';
  readonly sizeBytes: number;
  readonly readOnly = false;
  readonly term = 1;
  /** What a reader sees. */
  readonly content: Buffer;
  readonly #durable: Buffer;
  readonly #unflushed = new Set<number>();
  #server: NbdServer | undefined;
  /** Sectors that fell back to what they were at the last flush. */
  lostSectors = 0;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    this.content = Buffer.alloc(sizeBytes);
    this.#durable = Buffer.alloc(sizeBytes);
  }

  /** Would a loss of power lose something? */
  get isDirty(): boolean {
    return this.#unflushed.size > 0;
  }

  listen(path: string): Promise<void> {
    const world = { ...createNodeWorld('test'), log: () => {} };
    return new Promise((resolve, reject) => {
      NbdServer.listen(world, `unix:${path}`, this.name, (server) => {
        if (server instanceof EterneError) return reject(server);
        this.#server = server;
        server.serve(new ByteDevice(this));
        resolve();
      });
    });
  }

  close(): void {
    this.#server?.close();
  }

  /** Its user has been killed: every sector that was not flushed is kept or lost, as `keeps` says. */
  losePower(keeps: () => boolean): void {
    this.#server?.withdraw();
    for (const sector of this.#unflushed) {
      const [start, end] = [sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES];
      if (keeps()) this.content.copy(this.#durable, start, start, end);
      else {
        this.#durable.copy(this.content, start, start, end);
        this.lostSectors += 1;
      }
    }
    this.#unflushed.clear();
    this.#server?.serve(new ByteDevice(this));
  }

  read(
    offset: number,
    lengthBytes: number,
    done: (error: DeviceErrorCode | undefined, data: Buffer) => void,
  ): void {
    done(undefined, Buffer.from(this.content.subarray(offset, offset + lengthBytes)));
  }

  write(offset: number, data: Buffer, fua: boolean, done: DeviceDone): void {
    data.copy(this.content, offset);
    this.#changed(offset, data.length, fua, done);
  }

  flush(done: DeviceDone): void {
    for (const sector of this.#unflushed)
      this.content.copy(
        this.#durable,
        sector * SECTOR_BYTES,
        sector * SECTOR_BYTES,
        (sector + 1) * SECTOR_BYTES,
      );
    this.#unflushed.clear();
    done(undefined);
  }

  discard(offset: number, lengthBytes: number, done: DeviceDone): void {
    this.writeZeroes(offset, lengthBytes, true, false, done);
  }

  writeZeroes(offset: number, lengthBytes: number, _mayPunch: boolean, fua: boolean, done: DeviceDone): void {
    this.content.fill(0, offset, offset + lengthBytes);
    this.#changed(offset, lengthBytes, fua, done);
  }

  #changed(offset: number, lengthBytes: number, fua: boolean, done: DeviceDone): void {
    for (let at = offset; at < offset + lengthBytes; at += SECTOR_BYTES)
      this.#unflushed.add(at / SECTOR_BYTES);
    if (fua) this.flush(done);
    else done(undefined);
  }
}
