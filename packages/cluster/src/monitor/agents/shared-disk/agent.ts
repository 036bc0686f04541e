/**
 * `shared-disk`: a disk that several nodes reach, made this node's own.
 *
 *   device: /dev/mapper/san1         a whole SCSI disk or its multipath device
 *   fence: scsi3 | lock              scsi3 (default): a persistent reservation (`reservation.ts`); lock: an exclusive flock(2) on `device`,
 *                                    for files on a file system whose locks reach across the nodes, and for tests
 *
 * Offers `device`. Whoever held it before is cut off at the disk, whatever it still sends; losing it is a failure.
 */
import { EterneError } from '@eterne/base';
import {
  failed,
  RUNNING,
  succeeded,
  type Agent,
  type CheckResult,
  type Hands,
  type Job,
  type Started,
} from '../agent.ts';
import { stopFamily } from '../family.ts';
import { startHelper } from '../helper.ts';
import { readNodeKey } from './node-key.ts';
import { releaseReservation, takeReservation, whoHolds } from './reservation.ts';

const CHECK_INTERVAL_MS = 2000;
const CHECK_TIMEOUT_MS = 2000;
const ABANDON_TIMEOUT_MS = 2000;
const LOCK_SETTLE_MS = 100;
const ABSOLUTE = /^\/[^\0\n]*$/;

interface SharedDiskParams {
  readonly device: string;
  readonly fence: 'scsi3' | 'lock';
}

export const sharedDiskAgent: Agent<SharedDiskParams> = {
  type: 'shared-disk',
  parse: (fields) => ({
    device: fields.matching('device', ABSOLUTE),
    fence: fields.optional('fence', (name) => fields.oneOf(name, ['scsi3', 'lock']), 'scsi3'),
  }),
  start(hands, job, timeoutMs, done) {
    const { device, fence } = job.params;
    if (fence === 'lock') return takeLock(hands, job, done);
    withKey(hands, done, (key) =>
      takeReservation(hands, device, key, timeoutMs, (failure) =>
        done(failure === '' ? succeeded({ device }) : failed(failure)),
      ),
    );
  },
  stop: letGo,
  checks: () => [{ name: 'quick', intervalMs: CHECK_INTERVAL_MS, timeoutMs: CHECK_TIMEOUT_MS }],
  check(hands, job, { timeoutMs }, done) {
    const { device, fence } = job.params;
    if (fence === 'lock') return done(isLocked(hands, job) ? RUNNING : lost(`the lock on ${device} is gone`));
    readNodeKey(hands, (key) => {
      if (key instanceof EterneError) return done(lost(key.message));
      whoHolds(hands, device, timeoutMs, (holder) => {
        if (holder instanceof EterneError) return done(lost(holder.message));
        if (holder === key) return done(RUNNING);
        done(
          lost(holder === null ? `${device} is not reserved any more` : `${device} is reserved by ${holder}`),
        );
      });
    });
  },
  find(hands, { params: { device, fence } }, timeoutMs, done) {
    if (fence === 'lock') return done(false);
    readNodeKey(hands, (key) => {
      if (key instanceof EterneError) return done(undefined);
      whoHolds(hands, device, timeoutMs, (holder) =>
        done(holder instanceof EterneError ? undefined : holder === key),
      );
    });
  },
  abandon: (hands, job, done) => letGo(hands, job, ABANDON_TIMEOUT_MS, ({ reason }) => done(reason)),
};

const lost = (reason: string): CheckResult => ({ state: 'failed', reason });

function letGo(hands: Hands, job: Job<SharedDiskParams>, timeoutMs: number, done: Started): void {
  const { device, fence } = job.params;
  if (fence === 'lock') return stopFamily(hands, job, timeoutMs, done);
  withKey(hands, done, (key) =>
    releaseReservation(hands, device, key, timeoutMs, (failure) =>
      done(failure === '' ? succeeded() : failed(failure)),
    ),
  );
}

function withKey(hands: Hands, done: Started, use: (key: string) => void): void {
  readNodeKey(hands, (key) => (key instanceof EterneError ? done(failed(key.message)) : use(key)));
}

/** flock(1) holds it as long as it lives; it ends at once when somebody else does. */
function takeLock(hands: Hands, job: Job<SharedDiskParams>, done: Started): void {
  const { device } = job.params;
  if (isLocked(hands, job)) return done(succeeded({ device }));
  const command = ['flock', '--exclusive', '--nonblock', '--no-fork', device, 'sleep', 'infinity'] as const;
  startHelper(hands, job, command, (started) => {
    if (started instanceof EterneError) return done(failed(started.message));
    hands.world.timers.after(LOCK_SETTLE_MS, () => {
      const isHeld = isLocked(hands, { ...job, processes: [started] });
      done(isHeld ? succeeded({ device }) : failed(`${device} is locked by somebody else`));
    });
  });
}

function isLocked(hands: Hands, job: Job<SharedDiskParams>): boolean {
  return job.processes.some(({ pid, startTime }) => hands.world.processes.alive(pid, startTime));
}
