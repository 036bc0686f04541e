import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { NbdCommand } from '../../src/nbd/command.ts';
import { CommandDecoder } from '../../src/nbd/command-decoder.ts';
import { MAX_TRANSFER_BYTES } from '../../src/nbd/limits.ts';
import { BufferSlabs } from '../../src/engine/buffer-slabs.ts';

function request(
  type: number,
  offset: number,
  lengthBytes: number,
  payload = Buffer.alloc(0),
  flags = 0,
): Buffer {
  const header = Buffer.alloc(28);
  header.writeUInt32BE(0x25609513, 0);
  header.writeUInt16BE(flags, 4);
  header.writeUInt16BE(type, 6);
  header.writeBigUInt64BE(0x0102030405060708n, 8);
  header.writeBigUInt64BE(BigInt(offset), 16);
  header.writeUInt32BE(lengthBytes, 24);
  return Buffer.concat([header, payload]);
}

/** Gives the decoder all of `chunk`, as a connection would: what it leaves is given again. */
function feed(decoder: CommandDecoder, chunk: Buffer, into: NbdCommand[], takeOneAtATime: boolean): void {
  let rest = chunk;
  while (rest.length > 0 && !decoder.failed) {
    rest = rest.subarray(decoder.decode(rest, (command) => (into.push(command), !takeOneAtATime)));
  }
}

const anyRequest = fc.oneof(
  fc.record({ type: fc.constantFrom(0, 3, 4, 6, 99), offset: fc.nat(), lengthBytes: fc.nat() }),
  fc.record({ type: fc.constant(1), offset: fc.nat(), payload: fc.uint8Array({ maxLength: 300 }) }),
);

describe('NBD command decoder', () => {
  it('reads the golden bytes of a write', () => {
    const golden = Buffer.from('25609513000100010102030405060708000000020000000000000003616263', 'hex');
    const commands: NbdCommand[] = [];
    const consumed = new CommandDecoder(new BufferSlabs()).decode(
      golden,
      (command) => commands.push(command) > 0,
    );
    assert.equal(consumed, golden.length);
    const [write] = commands;
    assert.deepEqual(
      { ...write, payload: write?.payload?.toString() },
      {
        flags: 1,
        type: 1,
        cookieHigh: 0x01020304,
        cookieLow: 0x05060708,
        offset: 2 * 2 ** 32,
        lengthBytes: 3,
        payload: 'abc',
      },
    );
  });

  it('finds the same commands however the bytes are cut and whenever the sink pauses', () => {
    fc.assert(
      fc.property(
        fc.array(anyRequest, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
        fc.boolean(),
        (requests, cuts, takeOneAtATime) => {
          const bytes = Buffer.concat(
            requests.map((wanted) =>
              'payload' in wanted
                ? request(1, wanted.offset, wanted.payload.length, Buffer.from(wanted.payload))
                : request(wanted.type, wanted.offset, wanted.lengthBytes),
            ),
          );
          const found: NbdCommand[] = [];
          const decoder = new CommandDecoder(new BufferSlabs());
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const end = Math.min(bytes.length, at + (cuts[turn % cuts.length] ?? 1));
            feed(decoder, Buffer.from(bytes.subarray(at, end)), found, takeOneAtATime);
            at = end;
          }
          assert.equal(decoder.failed, false);
          assert.deepEqual(
            found.map((command) => [
              command.type,
              command.offset,
              command.payload?.toString('hex') ?? command.lengthBytes,
            ]),
            requests.map((wanted) =>
              'payload' in wanted
                ? [1, wanted.offset, Buffer.from(wanted.payload).toString('hex')]
                : [wanted.type, wanted.offset, wanted.lengthBytes],
            ),
          );
        },
      ),
    );
  });

  it('keeps nothing of the chunk it was given', () => {
    const chunk = request(1, 0, 4, Buffer.from('good'));
    const commands: NbdCommand[] = [];
    feed(new CommandDecoder(new BufferSlabs()), chunk, commands, false);
    chunk.fill(0);
    assert.equal(commands[0]?.payload?.toString(), 'good');
  });

  it('skips the payload of an oversized write without memory, and finds the next command', () => {
    const lengthBytes = MAX_TRANSFER_BYTES + 1;
    const decoder = new CommandDecoder(new BufferSlabs());
    const commands: NbdCommand[] = [];
    feed(decoder, request(1, 0, lengthBytes), commands, false);
    const chunk = Buffer.alloc(1024 * 1024);
    for (let left = lengthBytes; left > 0; left -= chunk.length)
      feed(decoder, chunk.subarray(0, Math.min(left, chunk.length)), commands, false);
    feed(decoder, request(3, 0, 0), commands, false);
    assert.deepEqual(
      commands.map(({ type, payload }) => [type, payload]),
      [
        [1, undefined],
        [3, undefined],
      ],
    );
  });

  it('stays failed after a wrong magic', () => {
    const decoder = new CommandDecoder(new BufferSlabs());
    const sink = (): boolean => assert.fail('no command');
    decoder.decode(Buffer.alloc(28, 0x41), sink);
    assert.equal(decoder.failed, true);
    assert.equal(decoder.decode(request(3, 0, 0), sink), 0);
    assert.equal(decoder.failed, true);
  });
});

it('takes a large payload that was read to where it belongs', () => {
  const payload = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
  const header = Buffer.alloc(28);
  header.writeUInt32BE(0x25609513, 0);
  header.writeUInt16BE(1, 6);
  header.writeUInt32BE(payload.length, 24);
  const decoder = new CommandDecoder(new BufferSlabs());
  const taken: Buffer[] = [];
  const sink = (command: NbdCommand): boolean => taken.push(command.payload as Buffer) > 0;
  const roomNow = (): Buffer | undefined => decoder.room;
  assert.equal(roomNow(), undefined);
  decoder.decode(Buffer.concat([header, payload.subarray(0, 1000)]), sink);
  const room = roomNow();
  assert.ok(room?.length === payload.length - 1000);
  payload.copy(room, 0, 1000, 90_000);
  assert.equal(decoder.decode(room.subarray(0, 89_000), sink), 89_000);
  assert.equal(roomNow(), undefined, 'what is left is small');
  const next = Buffer.concat([payload.subarray(90_000), header]);
  assert.equal(decoder.decode(next, sink), next.length);
  assert.ok(taken[0]?.equals(payload));
  assert.equal(taken.length, 1);
});
