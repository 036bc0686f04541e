/** One way to make a block device of an export. */
import type { ProcessExit, World } from '@eterne/runtime';

export type AttachWorld = Pick<World, 'network' | 'timers' | 'clock' | 'log' | 'processes' | 'files'>;

export interface Running {
  /** At once, whoever uses the device. `ended` is not called any more. */
  end(): void;
}

export interface AttachWay {
  /** Takes away what an earlier term or life left; `failure` says what is still there. */
  clear(done: (failure: string | undefined) => void): void;
  /** `attached`: the device's path. `ended`: it is over without having been asked to, also when it could not begin. */
  begin(attached: (path: string) => void, ended: (reason: string) => void): Running;
}

export const lastWords = ({ startError, stderr }: ProcessExit, tool: string): string =>
  startError?.message ?? (stderr.trim() || `${tool} has ended`);
