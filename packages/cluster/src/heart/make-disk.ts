/**
 * Takes a disk into use for heartbeats: writes its header, unless it has one of this cluster. What holds anything of anybody else is refused, since a
 * path is easily mistyped and a data disk easily lost.
 */
import { EterneError } from '@eterne/base';
import {
  SHARED_SECTOR_BYTES,
  type Random,
  type SharedDisk,
  type SharedDisks,
  type Timers,
} from '@eterne/runtime';
import {
  BOARD_END,
  BOARD_FROM,
  decodeBoardHeader,
  DISK_ID_BYTES,
  encodeBoardHeader,
  isFree,
  NOT_EMPTY,
  occupied,
  type BoardHeader,
} from './wire/board.ts';

/** A disk that answers nothing for so long is no help. */
const TIMEOUT_MS = 10_000;

export interface DiskMaker {
  readonly disks: SharedDisks;
  readonly random: Pick<Random, 'bytes'>;
  readonly timers: Pick<Timers, 'after'>;
}

/** Calls back with the disk's id. */
export function makeHeartDisk(
  { disks, random, timers }: DiskMaker,
  device: string,
  clusterId: string,
  done: (id: string | EterneError) => void,
): void {
  let isOver = false;
  let opened: SharedDisk | undefined;
  const finish = (result: string | EterneError): void => {
    if (isOver) return;
    isOver = true;
    limit.cancel();
    opened?.close();
    done(result);
  };
  const limit = timers.after(TIMEOUT_MS, () =>
    finish(new EterneError('timeout', `${device} did not answer within ${TIMEOUT_MS / 1000} s`)),
  );
  disks.open(device, (disk) => {
    if (disk instanceof EterneError) return finish(unusable(device, disk));
    if (isOver) return disk.close();
    opened = disk;
    return disk.read(0, BOARD_END, (area) => {
      if (area instanceof EterneError) return finish(unusable(device, area));
      const present = decodeBoardHeader(area.subarray(BOARD_FROM, BOARD_FROM + SHARED_SECTOR_BYTES));
      if (present?.clusterId === clusterId) return finish(present.diskId);
      const obstacle = obstacleOn(device, area, present);
      if (obstacle) return finish(obstacle);
      return writeHeader(
        disk,
        device,
        { diskId: random.bytes(DISK_ID_BYTES).toString('hex'), clusterId },
        finish,
      );
    });
  });
}

function obstacleOn(device: string, area: Buffer, present: BoardHeader | undefined): EterneError | undefined {
  if (present)
    return occupied(device, `is a heartbeat disk of another cluster (${present.clusterId})`, BOARD_END);
  return isFree(area) ? undefined : occupied(device, NOT_EMPTY, BOARD_END);
}

/** And sees whether it is there: what does not keep it is no disk to rely on. */
function writeHeader(
  disk: SharedDisk,
  device: string,
  header: BoardHeader,
  done: (id: string | EterneError) => void,
): void {
  disk.write(BOARD_FROM, encodeBoardHeader(header), (error) => {
    if (error) return done(unusable(device, error));
    disk.read(BOARD_FROM, SHARED_SECTOR_BYTES, (sector) => {
      if (sector instanceof EterneError) return done(unusable(device, sector));
      const isKept = decodeBoardHeader(sector)?.diskId === header.diskId;
      return done(
        isKept ? header.diskId : new EterneError('io', `${device} does not keep what is written to it`),
      );
    });
  });
}

function unusable(device: string, error: EterneError): EterneError {
  return new EterneError(error.code, `${device} cannot be a heartbeat disk: ${error.message}`, {
    hint: `name a block device, or a file of at least ${BOARD_END / 1024} KiB on a file system that takes direct I/O`,
    cause: error,
  });
}
