/**
 * EXTENDED COPY (LID1): SPC-4 §6.5. Copies between logical units of this target, in the order of the segments, without the data passing
 * through the initiator. The answer comes when all is copied. Before each piece it is asked anew whether it may go on: it takes long, and meanwhile it may be aborted,
 * the unit that it writes to be reset, or another initiator reserve it.
 */
import { SENSE, type Sense } from '@eterne/iscsi';
import { MAX_PARAMETER_BYTES } from '../../limits.ts';
import type { Command } from '../command.ts';
import { CHUNK_BYTES, MAX_SEGMENT_BYTES } from '../copy/limits.ts';
import { readCopyList, type CopyList, type CopySegment } from '../copy/parameter-list.ts';
import { RunningCopy } from '../copy/running-copy.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import { rangeError } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const NAA_DESIGNATOR = 3;

/** One segment with everything found and checked. */
interface Move {
  readonly from: LogicalUnit;
  readonly to: LogicalUnit;
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly lengthBytes: number;
}

function extendedCopy(request: ScsiRequest, unit: LogicalUnit): void {
  const listBytes = request.cdb.readUInt32BE(10);
  if (listBytes === 0) return request.good();
  if (listBytes > MAX_PARAMETER_BYTES) return request.check(SENSE.parameterListLength);
  request.receive(listBytes, (bytes) => {
    const list = readCopyList(bytes);
    if (!('segments' in list)) return request.check(list);
    const moves = plan(list, unit, request);
    if (!Array.isArray(moves)) return request.check(moves);
    const copy = new RunningCopy(
      request.nexus.initiatorPort,
      moves.map(({ to }) => to),
    );
    const mayGoOn = ({ from, to }: Move): boolean =>
      !copy.isStopped && !request.isAborted && mayMove(from, to, request);
    moveNext(moves, 0, 0, mayGoOn, (error) => {
      copy.end();
      unit.copies.remember(request.nexus, list.listId, error === undefined, moves.length);
      if (error === undefined) request.good();
      else request.check(error);
    });
  });
}

/** All segments are checked before the first one moves. */
function plan(list: CopyList, unit: LogicalUnit, request: ScsiRequest): Move[] | Sense {
  const units = list.targets.map(({ type, designator }) =>
    type === NAA_DESIGNATOR
      ? [...unit.siblings].find((sibling) => sibling.attributes.identity.naa.equals(designator))
      : undefined,
  );
  const moves: Move[] = [];
  for (const segment of list.segments) {
    const from = units[segment.source];
    const to = units[segment.destination];
    if (from === undefined || to === undefined) return SENSE.copyTargetNotReachable;
    const move = moveOf(segment, from, to);
    if (!('from' in move)) return move;
    if (!mayMove(from, to, request)) return SENSE.copyTargetNotReachable;
    moves.push(move);
  }
  return moves;
}

/** Whole blocks of one size, within both units. */
function moveOf(segment: CopySegment, from: LogicalUnit, to: LogicalUnit): Move | Sense {
  const { blockBytes } = from;
  if (blockBytes !== to.blockBytes) return SENSE.copyTargetNotReachable;
  const { length, sourceBytes, destinationBytes } = segment;
  const lengthBytes = 'bytes' in length ? length.bytes : length.blocks * blockBytes;
  if ([lengthBytes, sourceBytes, destinationBytes].some((bytes) => bytes % blockBytes !== 0))
    return SENSE.copySegmentGranularityViolation;
  if (lengthBytes > MAX_SEGMENT_BYTES) return SENSE.invalidFieldInParameterList;
  const blocks = lengthBytes / blockBytes;
  const fromLba = segment.sourceLba + sourceBytes / blockBytes;
  const toLba = segment.destinationLba + destinationBytes / blockBytes;
  if ((rangeError({ lba: fromLba, blocks }, from) ?? rangeError({ lba: toLba, blocks }, to)) !== undefined)
    return SENSE.copyTargetNotReachable;
  return { from, to, fromOffset: fromLba * blockBytes, toOffset: toLba * blockBytes, lengthBytes };
}

/** The copy may do no more than the initiator could with a READ and a WRITE. */
function mayMove(from: LogicalUnit, to: LogicalUnit, { nexus }: ScsiRequest): boolean {
  const ready = (unit: LogicalUnit): boolean => unit.mediumRefusal === undefined;
  const foreign = (unit: LogicalUnit): boolean =>
    unit.legacyHolder !== undefined && unit.legacyHolder !== nexus;
  return (
    ready(from) &&
    ready(to) &&
    !to.writeProtected &&
    !foreign(from) &&
    !foreign(to) &&
    !from.reservations.conflicts(nexus, 'reads') &&
    !to.reservations.conflicts(nexus, 'changes')
  );
}

function moveNext(
  moves: readonly Move[],
  index: number,
  doneBytes: number,
  mayGoOn: (move: Move) => boolean,
  done: (error: Sense | undefined) => void,
): void {
  const move = moves[index];
  if (move === undefined) return done(undefined);
  const { from, to, fromOffset, toOffset, lengthBytes } = move;
  if (doneBytes === lengthBytes) return moveNext(moves, index + 1, 0, mayGoOn, done);
  if (from.mediumRefusal !== undefined) return done(from.mediumRefusal);
  if (!mayGoOn(move)) return done(SENSE.copyTargetNotReachable);
  const chunkBytes = Math.min(CHUNK_BYTES, lengthBytes - doneBytes);
  from.device.read(fromOffset + doneBytes, chunkBytes, (readError, data) => {
    if (readError !== undefined) return done(senseOf(readError, 'read'));
    const range = { lba: (toOffset + doneBytes) / to.blockBytes, blocks: chunkBytes / to.blockBytes };
    to.change(
      range,
      false,
      (end) => to.device.write(toOffset + doneBytes, data, false, end),
      (writeError) => {
        if (writeError !== undefined) return done(senseOf(writeError, 'write'));
        to.rest(() => moveNext(moves, index, doneBytes + chunkBytes, mayGoOn, done));
      },
    );
  });
}

export const EXTENDED_COPY: Command = {
  name: 'EXTENDED COPY (LID1)',
  opcode: 0x83,
  serviceAction: 0x00,
  usage: '83 00 0000000000000000 ffffffff 00 00',
  reservation: 'changes',
  medium: true,
  run: extendedCopy,
};
