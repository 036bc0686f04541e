/** What is mounted where, and how it is taken away. */
import { EterneError } from '@eterne/base';
import { failed, succeeded, type Hands, type Started } from './agent.ts';
import { runCommand } from './command.ts';

const RETRY_INTERVAL_MS = 100;
/** Of the time a stop has, so much is for whoever uses it to go by himself. */
const ASK_SHARE = 0.5;

export interface Mount {
  readonly device: string;
  readonly directory: string;
  readonly isReadOnly: boolean;
}

/** What is mounted on `directory`, which may be called by a link; the newest when several are. */
export function readMount(
  hands: Pick<Hands, 'world'>,
  directory: string,
  done: (mount: Mount | undefined | EterneError) => void,
): void {
  hands.world.files.realPath(directory, (real) =>
    readMounts(hands, (mounts) => {
      const isThere = (mount: Mount): boolean => mount.directory === (real ?? directory);
      done(mounts instanceof EterneError ? mounts : mounts.findLast(isThere));
    }),
  );
}

/** `device` may be called by a link, such as those in /dev/disk/by-id; mount(8) follows it. */
export function isMountOf(
  { world: { files } }: Pick<Hands, 'world'>,
  mount: Mount | undefined,
  device: string,
  done: (isIts: boolean) => void,
): void {
  if (mount === undefined || mount.device === device) return done(mount !== undefined);
  files.realPath(device, (real) =>
    files.realPath(mount.device, (mounted) => done(real !== undefined && real === mounted)),
  );
}

/** Everything that is mounted, by proc_mounts(5), oldest first. */
export function readMounts(
  hands: Pick<Hands, 'world'>,
  done: (mounts: readonly Mount[] | EterneError) => void,
): void {
  hands.world.files.readFile('/proc/self/mounts', (content) => {
    if (content === undefined) return done(new EterneError('io', '/proc is not mounted'));
    if (content instanceof EterneError) return done(content);
    done(
      content
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => mountOf(line.split(' '))),
    );
  });
}

function mountOf([device = '', directory = '', , options = '']: readonly string[]): Mount {
  return {
    device: unescape(device),
    directory: unescape(directory),
    isReadOnly: options.split(',').includes('ro'),
  };
}

/**
 * Again and again until nothing is mounted there: whoever still uses it belongs to what was stopped before and is about to end. With `force`
 * who uses it after half of the time is killed. What still does at the end is named.
 */
export function unmount(
  hands: Hands,
  directory: string,
  timeoutMs: number,
  done: Started,
  force = false,
): void {
  const { clock, timers } = hands.world;
  const startedMs = clock.bootMs();
  const deadlineMs = startedMs + timeoutMs;
  const attempt = (failure: string): void =>
    readMount(hands, directory, (mount) => {
      const leftMs = deadlineMs - clock.bootMs();
      if (mount instanceof EterneError) return done(failed(mount.message));
      if (mount === undefined) return done(succeeded());
      if (failure !== '' && leftMs <= 0) return done(failed(`${failure}${usedBy(hands, mount.directory)}`));
      if (force && failure !== '' && clock.bootMs() - startedMs >= timeoutMs * ASK_SHARE)
        killUsers(hands, mount.directory);
      runCommand(hands, ['umount', directory], leftMs, (result) =>
        timers.after(result.failure === '' ? 0 : RETRY_INTERVAL_MS, () => attempt(result.failure)),
      );
    });
  attempt('');
}

function killUsers(hands: Hands, directory: string): void {
  for (const { pid, name } of hands.directories.killUsersOf(directory))
    hands.world.log('warn', 'killed, because it kept a file system from being unmounted', {
      directory,
      pid,
      name,
    });
}

function usedBy(hands: Hands, directory: string): string {
  const users = hands.directories.usersOf(directory).map(({ pid, name }) => `${name} (${pid})`);
  return users.length === 0 ? '' : `; used by ${users.join(', ')}`;
}

/** Spaces and the like stand as octal numbers. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_whole, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
