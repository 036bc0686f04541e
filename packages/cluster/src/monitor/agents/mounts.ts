/** What is mounted where, and how it is taken away. */
import { EterneError } from '@eterne/base';
import { failed, succeeded, type Hands, type Started } from './agent.ts';
import { runCommand } from './command.ts';

const RETRY_INTERVAL_MS = 100;

export interface Mount {
  readonly device: string;
  readonly isReadOnly: boolean;
}

/** What is mounted on `directory`, by proc_mounts(5); the newest when several are. */
export function readMount(
  hands: Hands,
  directory: string,
  done: (mount: Mount | undefined | EterneError) => void,
): void {
  hands.world.files.readFile('/proc/self/mounts', (content) => {
    if (content === undefined) return done(new EterneError('io', '/proc is not mounted'));
    if (content instanceof EterneError) return done(content);
    const rows = content
      .toString('utf8')
      .split('\n')
      .map((line) => line.split(' '));
    const row = rows.findLast(([, target = '']) => unescape(target) === directory);
    if (row === undefined) return done(undefined);
    const [device = '', , , options = ''] = row;
    done({ device: unescape(device), isReadOnly: options.split(',').includes('ro') });
  });
}

/** Again and again until nothing is mounted there: whoever still uses it belongs to what was stopped before and is about to end. */
export function unmount(hands: Hands, directory: string, timeoutMs: number, done: Started): void {
  const { clock, timers } = hands.world;
  const deadlineMs = clock.bootMs() + timeoutMs;
  const attempt = (failure: string): void =>
    readMount(hands, directory, (mount) => {
      const leftMs = deadlineMs - clock.bootMs();
      if (mount instanceof EterneError) return done(failed(mount.message));
      if (mount === undefined) return done(succeeded());
      if (failure !== '' && leftMs <= 0) return done(failed(failure));
      runCommand(hands, ['umount', directory], leftMs, (result) =>
        timers.after(result.failure === '' ? 0 : RETRY_INTERVAL_MS, () => attempt(result.failure)),
      );
    });
  attempt('');
}

/** Spaces and the like stand as octal numbers. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_whole, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
