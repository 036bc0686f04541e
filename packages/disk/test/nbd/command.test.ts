import assert from 'node:assert/strict';
import { it } from 'node:test';
import { commandError, type NbdCommand } from '../../src/nbd/command.ts';
import { MAX_TRANSFER_BYTES } from '../../src/nbd/limits.ts';
import { COMMAND, COMMAND_FLAG } from '../../src/nbd/wire.ts';

const SIZE = 2 ** 40;

function check(
  type: number,
  offset: number,
  lengthBytes: number,
  flags = 0,
  context = {},
): string | undefined {
  const command: NbdCommand = {
    flags,
    type,
    cookieHigh: 0,
    cookieLow: 0,
    offset,
    lengthBytes,
    payload: undefined,
  };
  const device = { sizeBytes: SIZE, readOnly: false };
  return commandError(command, { device, structuredReplies: true, allocationContext: true, ...context });
}

const readOnly = { device: { sizeBytes: SIZE, readOnly: true } };

it('picks the error the NBD protocol asks for', () => {
  const cases: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['read to the last byte', check(COMMAND.read, SIZE - 1, 1), undefined],
    ['read past the end', check(COMMAND.read, SIZE - 1, 2), 'EINVAL'],
    ['read at an offset beyond 2^63', check(COMMAND.read, 2 ** 64 - 1, 1), 'EINVAL'],
    ['write past the end', check(COMMAND.write, SIZE, 1), 'ENOSPC'],
    ['zeroes past the end', check(COMMAND.writeZeroes, SIZE - 511, 512), 'ENOSPC'],
    ['trim past the end', check(COMMAND.trim, SIZE, 1), 'EINVAL'],
    ['cache past the end', check(COMMAND.cache, SIZE, 1), 'EINVAL'],
    ['empty read', check(COMMAND.read, 0, 0), 'EINVAL'],
    ['longest write', check(COMMAND.write, 0, MAX_TRANSFER_BYTES), undefined],
    ['oversized write', check(COMMAND.write, 0, MAX_TRANSFER_BYTES + 1), 'EINVAL'],
    ['oversized read', check(COMMAND.read, 0, MAX_TRANSFER_BYTES + 1), 'EINVAL'],
    ['long trim', check(COMMAND.trim, 0, 2 ** 32 - 1), undefined],
    ['unknown command', check(1234, 0, 512), 'EINVAL'],
    ['resize is not offered', check(8, 0, 512), 'EINVAL'],
    ['unknown flag', check(COMMAND.write, 0, 512, 1 << 9), 'EINVAL'],
    ['NO_HOLE on a write', check(COMMAND.write, 0, 512, COMMAND_FLAG.noHole), 'EINVAL'],
    ['FUA write', check(COMMAND.write, 0, 512, COMMAND_FLAG.fua), undefined],
    ['DF read', check(COMMAND.read, 0, 512, COMMAND_FLAG.df), undefined],
    [
      'DF without structured replies',
      check(COMMAND.read, 0, 512, COMMAND_FLAG.df, { structuredReplies: false }),
      'EINVAL',
    ],
    ['flush', check(COMMAND.flush, 0, 0), undefined],
    ['flush with a range', check(COMMAND.flush, 0, 512), 'EINVAL'],
    ['block status', check(COMMAND.blockStatus, 0, 512, COMMAND_FLAG.reqOne), undefined],
    ['block status unasked', check(COMMAND.blockStatus, 0, 512, 0, { allocationContext: false }), 'EINVAL'],
    ['write to a read-only export', check(COMMAND.write, 0, 512, 0, readOnly), 'EPERM'],
    ['trim of a read-only export', check(COMMAND.trim, 0, 512, 0, readOnly), 'EPERM'],
    ['read of a read-only export', check(COMMAND.read, 0, 512, 0, readOnly), undefined],
  ];
  for (const [what, got, wanted] of cases) assert.equal(got, wanted, what);
});
