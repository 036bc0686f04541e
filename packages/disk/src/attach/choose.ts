/** How this machine can make a block device of an export: by the kernel's own NBD client where it has one, else through nbdfuse and a loop device. */
import type { Files, Processes } from '@eterne/runtime';
import { listNbdDevices } from './nbd-devices.ts';

export const ATTACH_WAYS = ['nbd', 'fuse'] as const;
export const ATTACH_CHOICES = [...ATTACH_WAYS, 'auto'] as const;
export type AttachWayName = (typeof ATTACH_WAYS)[number];
export type AttachChoice = (typeof ATTACH_CHOICES)[number];

const TOOL_TIMEOUT_MS = 5000;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

type Hands = { readonly files: Files; readonly processes: Processes };

/** The module is asked for where it is not loaded. */
export function chooseAttachWay(
  hands: Hands,
  choice: AttachChoice,
  done: (way: AttachWayName) => void,
): void {
  if (choice === 'fuse') return done('fuse');
  withModule(hands, (hasDevices) => {
    if (choice === 'nbd') return done('nbd');
    if (!hasDevices) return done('fuse');
    runs(hands, ['nbd-client', '-V'], (hasClient) => done(hasClient ? 'nbd' : 'fuse'));
  });
}

function withModule(hands: Hands, done: (hasDevices: boolean) => void): void {
  listNbdDevices(hands.files, (devices) => {
    if (devices.length > 0) return done(true);
    runs(hands, ['modprobe', 'nbd'], () => listNbdDevices(hands.files, (loaded) => done(loaded.length > 0)));
  });
}

function runs(
  { processes }: Hands,
  command: readonly [string, ...string[]],
  done: (well: boolean) => void,
): void {
  processes.spawn({ command, env: { PATH }, timeoutMs: TOOL_TIMEOUT_MS }, ({ code }) => done(code === 0));
}
