/** TEST UNIT READY: SPC-4 §6.47. */
import type { Command } from '../command.ts';

export const TEST_UNIT_READY: Command = {
  name: 'TEST UNIT READY',
  opcode: 0x00,
  usage: '00 0000000000',
  reservation: 'allowed',
  medium: true,
  run: (request) => request.good(),
};
