/**
 * Writes numbers into two parts of a volume as a database does: a number is in the log before it is in the data, and each write is answered before the next one
 * begins. So whatever was cut off when, a copy has all numbers up to one, and the log at most one more than the data.
 */
import assert from 'node:assert/strict';
import { NbdClient } from '../../../packages/disk/test/support/nbd-client.ts';

const BLOCK_BYTES = 64 * 1024;
/** Written for each number: in the log, and in the data. */
export const NUMBER_BYTES = 2 * BLOCK_BYTES;
const SLOTS = 32;
/** Numbers that follow each other are not beside each other; odd, so that every slot is used. */
const STRIDE = 13;

/** The sockets of log and data, with the names of their exports. */
export interface Parts {
  readonly log: { readonly path: string; readonly name: string };
  readonly data: { readonly path: string; readonly name: string };
}

const open = ({ path, name }: Parts['log']): Promise<NbdClient> => NbdClient.open({ path }, name);
const offsetOf = (number: number): number => ((number * STRIDE) % SLOTS) * BLOCK_BYTES;

export class OrderedWriter {
  /** The last number that both have. */
  acknowledged: number;
  /** It has ended, because nobody serves it any more. */
  readonly ended: Promise<void>;
  readonly #clients: readonly [NbdClient, NbdClient];

  static async begin(parts: Parts, after: number): Promise<OrderedWriter> {
    return new OrderedWriter([await open(parts.log), await open(parts.data)], after);
  }

  private constructor(clients: readonly [NbdClient, NbdClient], after: number) {
    this.#clients = clients;
    this.acknowledged = after;
    this.ended = this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const number = this.acknowledged + 1;
      const block = Buffer.alloc(BLOCK_BYTES, numbered(number));
      for (const client of this.#clients) {
        const isWritten = await client.write(offsetOf(number), block).then(
          ({ error }) => error === 0,
          () => false,
        );
        if (!isWritten) return;
      }
      this.acknowledged = number;
    }
  }
}

function numbered(number: number): Buffer {
  const word = Buffer.alloc(8);
  word.writeBigUInt64LE(BigInt(number));
  return word;
}

/** Asserts that the parts are one point of the order of writes; answers the last number that both have. */
export async function assertPoint(parts: Parts): Promise<number> {
  const log = await lastNumber(parts.log);
  const data = await lastNumber(parts.data);
  assert.ok(data <= log && log <= data + 1, `the log has ${log} numbers, the data has ${data}`);
  return data;
}

/** Every slot has the newest number up to the last one that belongs there. */
async function lastNumber(part: Parts['log']): Promise<number> {
  const client = await open(part);
  const { data, error } = await client.read(0, SLOTS * BLOCK_BYTES);
  assert.equal(error, 0);
  client.socket.destroy();
  const found = Array.from({ length: SLOTS }, (_, slot) => Number(data.readBigUInt64LE(slot * BLOCK_BYTES)));
  const last = Math.max(...found);
  const expected = Buffer.alloc(data.length);
  for (let number = Math.max(1, last - SLOTS + 1); number <= last; number += 1)
    expected.fill(numbered(number), offsetOf(number), offsetOf(number) + BLOCK_BYTES);
  assert.ok(data.equals(expected), `${part.name} has all numbers up to ${last}, each whole`);
  return last;
}
