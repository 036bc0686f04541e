/**
 * `filesystem`: a file system on a block device, mounted.
 *
 *   device, directory, fstype     for example "${vol.device}", /srv/db, ext4
 *   format: never | if-blank      if-blank: made when the device holds nothing that blkid knows (default never)
 *   options: "noatime"            for mount -o
 *   unmount: patient | force      force: who still uses it after half of the stop time-out is killed (default force)
 *
 * A device with another file system than `fstype` is never formatted. Before mounting, the file system's own checker runs in its
 * careful mode; what it cannot repair alone is refused with what it said.
 */
import { EterneError } from '@eterne/base';
import {
  failed,
  missing,
  RUNNING,
  succeeded,
  type Agent,
  type Hands,
  type Job,
  type Started,
} from '../agent.ts';
import { runCommand, type Command } from '../command.ts';
import { isMountOf, readMount, unmount } from '../mounts.ts';

const CHECK_INTERVAL_MS = 2000;
const CHECK_TIMEOUT_MS = 1000;
/** blkid(8): nothing was found. */
const BLKID_NOTHING = 2;
/** fsck(8): errors were corrected. */
const FSCK_CORRECTED = 1;
const FSTYPE = /^[a-z0-9]{1,16}$/;
const ABSOLUTE = /^\/[^\0\n]*$/;

export interface FilesystemParams {
  readonly device: string;
  readonly directory: string;
  readonly fstype: string;
  readonly format: 'never' | 'if-blank';
  readonly options: string | undefined;
  readonly unmount: 'patient' | 'force';
}

export const filesystemAgent: Agent<FilesystemParams> = {
  type: 'filesystem',
  parse: (fields) => ({
    device: fields.text('device'),
    directory: fields.matching('directory', ABSOLUTE),
    fstype: fields.matching('fstype', FSTYPE),
    format: fields.optional('format', (name) => fields.oneOf(name, ['never', 'if-blank']), 'never'),
    options: fields.optional('options', (name) => fields.text(name), undefined),
    unmount: fields.optional('unmount', (name) => fields.oneOf(name, ['patient', 'force']), 'force'),
  }),
  start(hands, job, timeoutMs, done) {
    const deadlineMs = hands.world.clock.bootMs() + timeoutMs;
    readMount(hands, job.params.directory, (mount) => {
      if (mount instanceof EterneError) return done(failed(mount.message));
      isMountOf(hands, mount, job.params.device, (isOurs) => {
        if (isOurs) return done(succeeded(outputsOf(job)));
        // Somebody else's: what a stop would take away is not ours.
        if (mount) return done(missing(`${mount.device} is mounted on ${job.params.directory} already`));
        prepare(hands, job.params, deadlineMs, (error) =>
          error ? done(failed(error)) : mountIt(hands, job, deadlineMs, done),
        );
      });
    });
  },
  stop: (hands, { params }, timeoutMs, done) =>
    unmount(hands, params.directory, timeoutMs, done, params.unmount === 'force'),
  checks: () => [{ name: 'quick', intervalMs: CHECK_INTERVAL_MS, timeoutMs: CHECK_TIMEOUT_MS }],
  check(hands, { params }, _check, done) {
    readMount(hands, params.directory, (mount) => {
      if (mount instanceof EterneError) return done({ state: 'failed', reason: mount.message });
      isMountOf(hands, mount, params.device, (isOurs) => {
        if (!isOurs)
          return done({ state: 'failed', reason: `${params.device} is not mounted on ${params.directory}` });
        const wantsReadOnly = params.options?.split(',').includes('ro') ?? false;
        if (mount?.isReadOnly === true && !wantsReadOnly)
          return done({ state: 'failed', reason: `the kernel has made ${params.directory} read-only` });
        done(RUNNING);
      });
    });
  },
  find(hands, { params }, _timeoutMs, done) {
    readMount(hands, params.directory, (mount) => {
      if (mount instanceof EterneError) done(undefined);
      else isMountOf(hands, mount, params.device, done);
    });
  },
  abandon(hands, { params }, done) {
    runCommand(hands, ['umount', '--lazy', params.directory], CHECK_TIMEOUT_MS, ({ failure }) =>
      readMount(hands, params.directory, (mount) => done(mount === undefined ? '' : failure)),
    );
  },
};

/** Makes the file system when the device is blank, else checks it. */
function prepare(
  hands: Hands,
  params: FilesystemParams,
  deadlineMs: number,
  done: (error: string | undefined) => void,
): void {
  const { device, fstype, format } = params;
  const leftMs = (): number => deadlineMs - hands.world.clock.bootMs();
  const probe: Command = ['blkid', '-p', '-o', 'value', '-s', 'TYPE', device];
  runCommand(hands, probe, leftMs(), ({ code, stdout, failure }) => {
    const found = stdout.trim();
    if (code === BLKID_NOTHING && format === 'if-blank')
      return runCommand(hands, [`mkfs.${fstype}`, device], leftMs(), (made) =>
        done(made.failure || undefined),
      );
    if (code === BLKID_NOTHING)
      return done(`${device} holds no file system; set format: if-blank to make one`);
    if (code !== 0) return done(failure);
    if (found !== fstype)
      return done(`${device} holds ${found === '' ? 'partitions' : found}, not ${fstype}`);
    runCommand(hands, [`fsck.${fstype}`, '-p', device], leftMs(), (checked) => {
      const isSound = checked.code === 0 || checked.code === FSCK_CORRECTED;
      done(isSound ? undefined : checked.failure);
    });
  });
}

function mountIt(hands: Hands, job: Job<FilesystemParams>, deadlineMs: number, done: Started): void {
  const { device, directory, fstype, options } = job.params;
  const wishes = options === undefined ? [] : ['-o', options];
  hands.world.files.makeFolder(directory, (error) => {
    if (error) return done(failed(error.message));
    const command: Command = ['mount', '-t', fstype, ...wishes, '--', device, directory];
    runCommand(hands, command, deadlineMs - hands.world.clock.bootMs(), ({ failure }) =>
      done(failure === '' ? succeeded(outputsOf(job)) : failed(failure)),
    );
  });
}

function outputsOf({ params }: Job<FilesystemParams>): Record<string, string> {
  return { directory: params.directory, device: params.device };
}
