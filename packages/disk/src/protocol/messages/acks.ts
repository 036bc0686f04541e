/**
 * ACKS: writes that the sender has had, `list of (first number u64, count u32)`, no length field: the body is a whole number
 * of 12-byte runs. One frame answers all writes that one event has completed. "Had" may mean a volatile cache.
 */
import { EterneError } from '@eterne/base';
import type { FrameSender } from '../frame-sender.ts';
import { FrameType, readUint64, writeUint64 } from '../wire.ts';

const RUN_BYTES = 12;
export const MAX_RUNS = 4096;

/** Gathers acknowledgements in any order and sends them as runs. Bounded by the window of writes in flight. */
export class AckBatch {
  #first: number[] = [];
  #count: number[] = [];

  add(number: number): void {
    const last = this.#first.length - 1;
    if (last >= 0 && (this.#first[last] as number) + (this.#count[last] as number) === number) {
      this.#count[last] = (this.#count[last] as number) + 1;
      return;
    }
    this.#first.push(number);
    this.#count.push(1);
  }

  sendTo(sender: FrameSender): void {
    for (let from = 0; from < this.#first.length; from += MAX_RUNS) {
      const runs = Math.min(MAX_RUNS, this.#first.length - from);
      let at = sender.begin(FrameType.acks, runs * RUN_BYTES);
      for (let run = from; run < from + runs; run += 1, at += RUN_BYTES) {
        writeUint64(sender.slab, at, this.#first[run] as number);
        sender.slab.writeUInt32LE(this.#count[run] as number, at + 8);
      }
      sender.end();
    }
    this.#first = [];
    this.#count = [];
  }
}

/** Calls `each` for every run. The caller checks the numbers against its window. */
export function decodeAcks(body: Buffer, each: (firstNumber: number, count: number) => void): void {
  if (body.length === 0 || body.length % RUN_BYTES !== 0)
    throw new EterneError('protocol', 'an ACKS frame of wrong length');
  for (let at = 0; at < body.length; at += RUN_BYTES) each(readUint64(body, at), body.readUInt32LE(at + 8));
}
