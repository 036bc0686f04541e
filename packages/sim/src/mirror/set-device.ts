import { type SetMember, windowOf } from '@eterne/disk/engine/set/members.ts';
import { WindowDevice } from '@eterne/disk/engine/set/window-device.ts';
import type { BlockDevice, DeviceDone } from '@eterne/runtime';

/** As clients of a mirror set see it: a device for each volume. Here they are one behind the other, and nobody reaches across. */
export function setDevice(device: BlockDevice, members: readonly SetMember[] | undefined): BlockDevice {
  return members === undefined ? device : new SetDevice(device, members);
}

class SetDevice implements BlockDevice {
  readonly name: string;
  readonly readOnly = false;
  readonly term: number;
  private readonly whole: BlockDevice;
  private readonly members: readonly SetMember[];
  private readonly windows: readonly WindowDevice[];
  private flushes = 0;

  constructor(whole: BlockDevice, members: readonly SetMember[]) {
    this.name = whole.name;
    this.term = whole.term;
    this.whole = whole;
    this.members = members;
    this.windows = members.map(
      ({ name }, index) => new WindowDevice(name, whole, () => this.windowOf(index)),
    );
  }

  get sizeBytes(): number {
    return this.whole.sizeBytes;
  }

  read(offset: number, lengthBytes: number, done: Parameters<BlockDevice['read']>[2]): void {
    const { device, at } = this.at(offset);
    device.read(at, lengthBytes, done);
  }

  release(data: Buffer): void {
    this.whole.release?.(data);
  }

  write(offset: number, data: Buffer, fua: boolean, done: DeviceDone): void {
    const { device, at } = this.at(offset);
    device.write(at, data, fua, done);
  }

  /** Of one volume as good as of any other. */
  flush(done: DeviceDone): void {
    this.flushes += 1;
    this.windows[this.flushes % this.windows.length]?.flush(done);
  }

  discard(offset: number, lengthBytes: number, done: DeviceDone): void {
    const { device, at } = this.at(offset);
    device.discard(at, lengthBytes, done);
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, fua: boolean, done: DeviceDone): void {
    const { device, at } = this.at(offset);
    device.writeZeroes(at, lengthBytes, mayPunch, fua, done);
  }

  private windowOf(index: number): { readonly start: number; readonly sizeBytes: number } {
    return windowOf(this.members, index, this.whole.sizeBytes);
  }

  private at(offset: number): { readonly device: WindowDevice; readonly at: number } {
    const after = this.windows.findIndex((_, index) => this.windowOf(index).start > offset);
    const index = after < 0 ? this.windows.length - 1 : after - 1;
    return { device: this.windows[index] as WindowDevice, at: offset - this.windowOf(index).start };
  }
}
