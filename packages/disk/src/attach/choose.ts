/**
 * How this machine can make a block device of an export: by the kernel's own NBD client where it has one, else through nbdfuse and a loop device, and where there is no nbdfuse either by the
 * kernel's iSCSI initiator.
 */
import type { Files, Processes } from '@eterne/runtime';
import { listNbdDevices } from './nbd-devices.ts';
import { runTool } from './run-tool.ts';

export const ATTACH_WAYS = ['nbd', 'iscsi', 'fuse'] as const;
export const ATTACH_CHOICES = [...ATTACH_WAYS, 'auto'] as const;
export type AttachWayName = (typeof ATTACH_WAYS)[number];
export type AttachChoice = (typeof ATTACH_CHOICES)[number];

type Hands = { readonly files: Files; readonly processes: Processes };

/** The kernel's NBD module is asked for where it is not loaded. */
export function chooseAttachWay(
  hands: Hands,
  choice: AttachChoice,
  done: (way: AttachWayName) => void,
): void {
  if (choice === 'fuse' || choice === 'iscsi') return done(choice);
  withModule(hands, (hasDevices) => {
    if (choice === 'nbd') return done('nbd');
    firstOf(hands, hasDevices ? CANDIDATES : CANDIDATES.filter(({ way }) => way !== 'nbd'), done);
  });
}

interface Candidate {
  readonly way: AttachWayName;
  /** Succeeds where the way's tool is installed. */
  readonly proof: readonly [string, ...string[]];
}

const CANDIDATES: readonly Candidate[] = [
  { way: 'nbd', proof: ['nbd-client', '-V'] },
  { way: 'fuse', proof: ['nbdfuse', '--version'] },
  { way: 'iscsi', proof: ['iscsiadm', '--version'] },
];

/** Of a machine that has none of them: `fuse`, whose failure says what is missing. */
function firstOf(
  hands: Hands,
  [candidate, ...others]: readonly Candidate[],
  done: (way: AttachWayName) => void,
): void {
  if (candidate === undefined) return done('fuse');
  runTool(hands, candidate.proof, (printed) => {
    if (printed === undefined) firstOf(hands, others, done);
    else done(candidate.way);
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
