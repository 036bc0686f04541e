/** How this machine can make a block device of an export: by the kernel's own NBD client where it has one, else through nbdfuse and a loop device. */
import type { Files, Processes } from '@eterne/runtime';
import { listNbdDevices } from './nbd-devices.ts';
import { runTool } from './run-tool.ts';

export const ATTACH_WAYS = ['nbd', 'fuse'] as const;
export const ATTACH_CHOICES = [...ATTACH_WAYS, 'auto'] as const;
export type AttachWayName = (typeof ATTACH_WAYS)[number];
export type AttachChoice = (typeof ATTACH_CHOICES)[number];

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
    runTool(hands, ['nbd-client', '-V'], (printed) => done(printed === undefined ? 'fuse' : 'nbd'));
  });
}

function withModule(hands: Hands, done: (hasDevices: boolean) => void): void {
  listNbdDevices(hands.files, (devices) => {
    if (devices.length > 0) return done(true);
    runTool(hands, ['modprobe', 'nbd'], () =>
      listNbdDevices(hands.files, (loaded) => done(loaded.length > 0)),
    );
  });
}
