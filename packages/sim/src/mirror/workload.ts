import type { BlockDevice, DeviceErrorCode } from '@eterne/runtime';
import type { History, Operation } from '../checkers/history.ts';
import { stampedSectors, valueOf } from '../checkers/stamp.ts';
import { SECTOR_BYTES } from '../world/page.ts';
import type { Prng } from '../world/prng.ts';
import type { SimProcess } from '../world/process.ts';

export interface WorkloadShape {
  /** Operations kept in flight by each session. */
  readonly depth: number;
  /** Mean pause of a worker between two operations. */
  readonly thinkMs: number;
  /** Start sectors of the places that are used over and over. */
  readonly places: number[];
  /** Sectors that no operation reaches across: of a mirror set, where the next volume begins. */
  readonly ends: readonly number[];
  /** Weight, and the least and the most. */
  readonly sizeSectors: readonly (readonly [number, readonly [number, number]])[];
}

/** Told what clients were told, in the instant they were. */
export interface Witness {
  changed(operation: Operation): void;
  flushed(covered: readonly Operation[]): void;
}

type Kind = Operation['kind'];

/** So often a worker does not pause at all, so that bursts come about. */
const HASTE = 0.2;
/** Memory that the device has given back is overwritten with this. */
const POISON = 0xdd;

const KINDS: readonly (readonly [number, Kind])[] = [
  [60, 'write'],
  [26, 'read'],
  [8, 'flush'],
  [6, 'zero'],
];

/**
 * The clients of one device of one term: a few workers that write stamped sectors, read, flush and discard in a small number of
 * places, so that operations collide. They die with the device's process and leave their last operations open.
 */
export class Workload {
  private stopped = false;
  private inFlight = 0;
  private readonly process: SimProcess;
  private readonly device: BlockDevice;
  /** False once the device's term has ended. */
  private readonly isServed: () => boolean;
  private readonly history: History;
  private readonly witness: Witness;
  private readonly shape: WorkloadShape;
  private readonly chance: Prng;
  private readonly term: number;
  /** In the history's order, when the device gave the answer that is being heard; undefined: just now. */
  private readonly answeredOrder: () => number | undefined;

  /** `term`: what its operations are said to be of; where nobody grants terms, two devices may have the same. */
  constructor(
    process: SimProcess,
    device: BlockDevice,
    isServed: () => boolean,
    history: History,
    witness: Witness,
    shape: WorkloadShape,
    chance: Prng,
    term = device.term,
    answeredOrder: () => number | undefined = () => undefined,
  ) {
    this.process = process;
    this.device = device;
    this.isServed = isServed;
    this.history = history;
    this.witness = witness;
    this.shape = shape;
    this.chance = chance;
    this.term = term;
    this.answeredOrder = answeredOrder;
  }

  start(): void {
    for (let worker = 0; worker < this.shape.depth; worker += 1) this.think();
  }

  /** No new operations. */
  stop(): void {
    this.stopped = true;
  }

  get idle(): boolean {
    return this.stopped && this.inFlight === 0;
  }

  get openOperations(): number {
    return this.inFlight;
  }

  private think(): void {
    const isHasty = this.chance.chance(HASTE);
    const pause = isHasty ? 0 : -Math.log(1 - this.chance.unit()) * this.shape.thinkMs;
    this.process.later(pause, () => {
      if (!this.stopped && this.isServed()) this.act(this.chance.weighted(KINDS));
    });
  }

  private act(kind: Kind): void {
    const { chance, device, shape } = this;
    const [low, high] = chance.weighted(shape.sizeSectors);
    const start = chance.pick(shape.places) ?? 0;
    // A device of an older term may not have grown with the volume.
    if (start >= device.sizeBytes / SECTOR_BYTES) return this.think();
    const end = shape.ends.find((sector) => sector > start) ?? device.sizeBytes / SECTOR_BYTES;
    const sectorCount = Math.min(chance.whole(low, high), end - start);
    const durable = (kind === 'write' || kind === 'zero') && chance.chance(0.05);
    const operation = this.history.begin(
      {
        kind,
        firstSector: kind === 'flush' ? 0 : start,
        sectorCount: kind === 'flush' ? 0 : sectorCount,
        term: this.term,
        node: this.process.node.name,
        durable,
      },
      this.process.node.universe.nowMs,
    );
    this.inFlight += 1;
    this.submit(operation);
  }

  private submit(operation: Operation): void {
    const { device } = this;
    const offset = operation.firstSector * SECTOR_BYTES;
    const lengthBytes = operation.sectorCount * SECTOR_BYTES;
    const done = (error: DeviceErrorCode | undefined): void => this.finish(operation, error);
    switch (operation.kind) {
      case 'read':
        device.read(offset, lengthBytes, (error, data) => {
          this.finish(operation, error, data);
          if (error === undefined) device.release?.(data);
        });
        return;
      case 'write':
        this.write(operation, offset);
        return;
      case 'zero':
        if (this.chance.chance(0.5) && !operation.durable) device.discard(offset, lengthBytes, done);
        else device.writeZeroes(offset, lengthBytes, this.chance.chance(0.5), operation.durable, done);
        return;
      case 'flush':
        device.flush(done);
    }
  }

  /** As a front end does, its memory serves again as soon as the device says so: whoever still reads it reads nonsense. */
  private write(operation: Operation, offset: number): void {
    const data = stampedSectors(operation.id, operation.firstSector, operation.sectorCount);
    this.device.write(offset, data, operation.durable, (error, isFree) => {
      if (isFree === true) data.fill(POISON);
      this.finish(operation, error);
    });
  }

  private finish(operation: Operation, error: DeviceErrorCode | undefined, data?: Buffer): void {
    const { history, witness } = this;
    const { nowMs } = this.process.node.universe;
    this.inFlight -= 1;
    if (!this.process.alive) return;
    this.process.node.universe.trace.mix(operation.id);
    if (error === undefined) {
      operation.returnedOrder = this.answeredOrder() ?? Number.POSITIVE_INFINITY;
      if (operation.kind === 'read') history.answerRead(operation, sectorValues(operation, data), nowMs);
      else if (operation.kind === 'flush') witness.flushed(history.acknowledgeFlush(operation, nowMs));
      else {
        history.acknowledge(operation, nowMs);
        witness.changed(operation);
      }
    }
    this.think();
  }
}

function sectorValues(operation: Operation, data: Buffer | undefined): number[] {
  const bytes = data ?? Buffer.alloc(0);
  return Array.from({ length: operation.sectorCount }, (_, i) =>
    valueOf(bytes, i * SECTOR_BYTES, operation.firstSector + i),
  );
}
