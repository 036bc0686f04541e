import type { BlockDevice, DeviceDone, DeviceErrorCode } from '@eterne/runtime';
import type { SimProcess } from '../world/process.ts';

const HOP_MS = [0.02, 0.2] as const;

/**
 * A front-end connection: an application's view of a device that another process serves. It dies with that process and with the
 * device's term, and its user with it.
 */
export class DeviceBridge implements BlockDevice {
  readonly name: string;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly term: number;
  isOpen = true;
  /** When the device gave the answer that is being handed on, by `mark`. It may have been on its way while a process stood still. */
  answeredMark: number | undefined;
  private readonly app: SimProcess;
  private readonly server: SimProcess;
  private readonly device: BlockDevice;
  private readonly mark: () => number;
  private readonly onCut: () => void;

  constructor(
    app: SimProcess,
    server: SimProcess,
    device: BlockDevice,
    mark: () => number,
    onCut: () => void,
  ) {
    this.app = app;
    this.server = server;
    this.device = device;
    this.mark = mark;
    this.onCut = onCut;
    this.name = device.name;
    this.sizeBytes = device.sizeBytes;
    this.readOnly = device.readOnly;
    this.term = device.term;
    server.onDeath(() => this.hop(app, () => this.cut()));
  }

  read(
    offset: number,
    lengthBytes: number,
    done: (error: DeviceErrorCode | undefined, data: Buffer) => void,
  ): void {
    this.hop(this.server, () =>
      this.device.read(offset, lengthBytes, (error, data) => {
        const copy = error === undefined ? Buffer.from(data) : Buffer.alloc(0);
        const mark = this.mark();
        this.hop(this.app, () => this.answer(error, mark, () => done(error, copy)));
      }),
    );
  }

  write(offset: number, data: Buffer, fua: boolean, done: DeviceDone): void {
    this.forward((back) => this.device.write(offset, data, fua, back), done);
  }

  flush(done: DeviceDone): void {
    this.forward((back) => this.device.flush(back), done);
  }

  discard(offset: number, lengthBytes: number, done: DeviceDone): void {
    this.forward((back) => this.device.discard(offset, lengthBytes, back), done);
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, fua: boolean, done: DeviceDone): void {
    this.forward((back) => this.device.writeZeroes(offset, lengthBytes, mayPunch, fua, back), done);
  }

  private forward(act: (back: DeviceDone) => void, done: DeviceDone): void {
    this.hop(this.server, () =>
      act((error) => {
        const mark = this.mark();
        this.hop(this.app, () => this.answer(error, mark, () => done(error)));
      }),
    );
  }

  private answer(error: DeviceErrorCode | undefined, mark: number, done: () => void): void {
    this.answeredMark = mark;
    done();
    if (error === 'ESHUTDOWN' || error === 'EPERM') this.cut();
  }

  private cut(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.onCut();
  }

  private hop(to: SimProcess, run: () => void): void {
    to.later(to.node.random.between(...HOP_MS), run);
  }
}
