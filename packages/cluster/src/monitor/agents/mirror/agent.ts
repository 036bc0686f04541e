/**
 * `mirror`: makes a promoted volume reachable on this node. The service has promoted it before it asks; this agent attaches it, each part of it by itself
 * (`disks.ts`).
 *
 * `attach: none`: nothing but the export itself, a unix socket that speaks NBD; `device` is its NBD URI.
 * `attach: nbd | iscsi | fuse | auto`: `device` is a block device of this kernel (`nbd.ts`, `iscsi.ts`, `fuse.ts`); `auto` takes what the machine has.
 * All output `socket` and `volume` too. Of a volume with parts they are `device_PART` and `socket_PART`.
 */
import { assert, EterneError } from '@eterne/base';
import { ATTACH_WAYS, chooseAttachWay, type AttachWayName } from '@eterne/disk/attach/choose.ts';
import type { ActionResult } from '../../../ports.ts';
import { failed, RUNNING, succeeded, type Agent, type Hands, type Job, type Started } from '../agent.ts';
import { stopFamily } from '../family.ts';
import { disksOf, type Disk } from './disks.ts';
import { abandonFuse, attachFuse, detachFuse } from './fuse.ts';
import { abandonIscsi, attachIscsi, detachIscsi } from './iscsi.ts';
import { abandonNbd, attachNbd, detachNbd } from './nbd.ts';
import { parseMirrorParams, type MirrorParams } from './params.ts';

const RETRY_INTERVAL_MS = 20;
const CONNECT_TIMEOUT_MS = 1000;
const CHECK_INTERVAL_MS = 1000;
/** Helpers have so long to end, whatever was left of the time. */
const END_TIMEOUT_MS = 500;

interface Way {
  attach(
    hands: Hands,
    job: Job<MirrorParams>,
    disk: Disk,
    deadlineMs: number,
    done: (device: string | EterneError) => void,
  ): void;
  /** Fails while somebody uses it. */
  detach(hands: Hands, disk: Disk, deadlineMs: number, done: (failure: string) => void): void;
  /** Whoever uses it. */
  abandon(hands: Hands, disk: Disk, done: (failure: string) => void): void;
}

const WAYS: Readonly<Record<AttachWayName, Way>> = {
  nbd: { attach: attachNbd, detach: detachNbd, abandon: abandonNbd },
  iscsi: { attach: attachIscsi, detach: detachIscsi, abandon: abandonIscsi },
  fuse: { attach: attachFuse, detach: detachFuse, abandon: abandonFuse },
};

export const mirrorAgent: Agent<MirrorParams> = {
  type: 'mirror',
  parse: parseMirrorParams,
  start(hands, job, timeoutMs, done) {
    const { volume } = job.params;
    const deadlineMs = hands.world.clock.bootMs() + timeoutMs;
    startDisks(hands, { ...job, processes: [] }, disksOf(hands, job), deadlineMs, (result) =>
      done(result.ok ? succeeded({ volume, ...result.outputs }) : result),
    );
  },
  stop(hands, job, timeoutMs, done) {
    if (job.params.attach === 'none') return hands.world.timers.soon(() => done(succeeded()));
    detach(hands, job, timeoutMs, done);
  },
  checks: () => [{ name: 'quick', intervalMs: CHECK_INTERVAL_MS, timeoutMs: CONNECT_TIMEOUT_MS }],
  check(hands, job, _check, done) {
    const { volume, attach } = job.params;
    const disks = disksOf(hands, job);
    if (attach !== 'none' && !areAttached(hands, job, disks.length))
      return done({ state: 'failed', reason: `volume ${volume} is not attached any more` });
    each(
      disks,
      ({ name, socket }, next) =>
        reach(hands, socket, (error) =>
          next(error === undefined ? '' : `the export of volume ${name} does not answer`),
        ),
      (failure) => done(failure === '' ? RUNNING : { state: 'failed', reason: failure }),
    );
  },
  abandon(hands, job, done) {
    if (job.params.attach === 'none') return done('');
    each(disksOf(hands, job), (disk, next) => abandonAll(hands, ATTACH_WAYS, disk, next), done);
  },
};

/** One after the other; their helpers belong to the resource together. */
function startDisks(
  hands: Hands,
  job: Job<MirrorParams>,
  [disk, ...others]: readonly Disk[],
  deadlineMs: number,
  done: Started,
): void {
  if (disk === undefined) return done(succeeded());
  let { processes } = job;
  const own: Job<MirrorParams> = {
    ...job,
    keep: (started, kept) => {
      processes = [...job.processes, ...started];
      job.keep(processes, kept);
    },
  };
  startDisk(hands, own, disk, deadlineMs, (result) => {
    if (!result.ok) return done(result);
    startDisks(hands, { ...job, processes }, others, deadlineMs, (rest: ActionResult) =>
      done(rest.ok ? succeeded({ ...result.outputs, ...rest.outputs }) : rest),
    );
  });
}

/** When its export answers, as it does a moment after the promotion. */
function startDisk(
  hands: Hands,
  job: Job<MirrorParams>,
  disk: Disk,
  deadlineMs: number,
  done: Started,
): void {
  const { clock, timers } = hands.world;
  const outputs = { [disk.keys.socket]: disk.socket, [disk.keys.device]: disk.uri };
  const attempt = (): void =>
    reach(hands, disk.socket, (error) => {
      if (error === undefined && job.params.attach === 'none') return done(succeeded(outputs));
      if (error === undefined)
        return attach(hands, job, disk, deadlineMs, (device) =>
          done(
            device instanceof EterneError
              ? failed(device.message)
              : succeeded({ ...outputs, [disk.keys.device]: device }),
          ),
        );
      if (clock.bootMs() >= deadlineMs)
        return done(failed(`the export of volume ${disk.name} does not answer: ${error.message}`));
      timers.after(RETRY_INTERVAL_MS, attempt);
    });
  attempt();
}

/** What an earlier start made in another way is proven gone too. */
function attach(
  hands: Hands,
  job: Job<MirrorParams>,
  disk: Disk,
  deadlineMs: number,
  done: (device: string | EterneError) => void,
): void {
  const { attach: choice } = job.params;
  assert(choice !== 'none', 'there is something to attach');
  chooseAttachWay(hands.world, choice, (chosen) => {
    const others = ATTACH_WAYS.filter((way) => way !== chosen);
    abandonAll(hands, others, disk, (failure) => {
      if (failure === '') WAYS[chosen].attach(hands, job, disk, deadlineMs, done);
      else done(new EterneError('io', failure));
    });
  });
}

function abandonAll(
  hands: Hands,
  ways: readonly AttachWayName[],
  disk: Disk,
  done: (failure: string) => void,
): void {
  each(ways, (way, next) => WAYS[way].abandon(hands, disk, next), done);
}

/** In the way it was attached; `auto` means the same machine and chooses the same. */
function detach(hands: Hands, job: Job<MirrorParams>, timeoutMs: number, done: Started): void {
  const { attach: choice } = job.params;
  assert(choice !== 'none', 'there is something to detach');
  const { clock } = hands.world;
  const deadlineMs = clock.bootMs() + timeoutMs;
  chooseAttachWay(hands.world, choice, (way) => {
    each(
      disksOf(hands, job),
      (disk, next) => WAYS[way].detach(hands, disk, deadlineMs, next),
      (failure) => {
        if (failure !== '') return done(failed(failure));
        stopFamily(hands, job, Math.max(deadlineMs - clock.bootMs(), END_TIMEOUT_MS), done);
      },
    );
  });
}

/** One after the other, all of them; `done` hears the first failure, or an empty text. */
function each<Item>(
  [item, ...others]: readonly Item[],
  act: (item: Item, next: (failure: string) => void) => void,
  done: (failure: string) => void,
): void {
  if (item === undefined) return done('');
  act(item, (failure) => each(others, act, (later) => done(failure === '' ? later : failure)));
}

/** Every disk has a helper of its own. */
function areAttached({ world }: Hands, { processes }: Job<MirrorParams>, disks: number): boolean {
  const alive = processes.filter(({ pid, startTime }) => world.processes.alive(pid, startTime));
  return alive.length >= disks;
}

/** Does somebody listen at the export? */
function reach(hands: Hands, socket: string, done: (error: EterneError | undefined) => void): void {
  hands.world.network.connect(`unix:${socket}`, { timeoutMs: CONNECT_TIMEOUT_MS }, (stream) => {
    if (stream instanceof EterneError) return done(stream);
    stream.destroy();
    done(undefined);
  });
}
