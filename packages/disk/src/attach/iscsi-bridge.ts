/**
 * A volume's export as a disk of this kernel's own iSCSI initiator (open-iscsi). A *bridge*, a process of ours, is its target:
 *
 *   export ──NBD──► bridge ──iSCSI, over loopback──► /dev/sdX
 *
 * Every bridge has a name of its own that begins with `bridgePrefix`, and lets in one session, once (`target/attach/bridge.ts`): a disk lives as long as the bridge that made it, and nothing
 * brings a dead one back. Sessions are known by /sys (Linux drivers/scsi/scsi_transport_iscsi.c): `sessionN/targetname`, and the disk of a LUN below `sessionN/device`.
 */
import { createHash } from 'node:crypto';
import { EterneError } from '@eterne/base';
import type { Files, World } from '@eterne/runtime';
import { mapInOrder } from './map-in-order.ts';
import { readText } from './read-text.ts';
import { runTool } from './run-tool.ts';

/** How a bridge is started; an export's NBD URI and its prefix come behind it. Whoever composes the processes knows it: it is made above this package. */
export type BridgeCommand = readonly [string, ...string[]];

const SESSIONS = '/sys/class/iscsi_session';
const RETRY_MS = 50;

/**
 * Seconds that a command of such a disk may take, as its bridge tells the kernel. While a lost peer is not settled writes are held, and the kernel's own half minute would make errors of that.
 * Until it is set the disk is not whole.
 */
export const COMMAND_TIMEOUT_S = 86_400;

type Hands = Pick<World, 'files' | 'processes' | 'clock' | 'timers'>;

interface BridgeSession {
  /** `sessionN`. */
  readonly folder: string;
  readonly targetName: string;
}

/** What the names of an export's bridges begin with; `socketPath`: where the export listens. */
export function bridgePrefix(socketPath: string): string {
  const digest = createHash('sha256').update(socketPath, 'utf8').digest('hex');
  return `iqn.2026-11.io.eterne:attached.${digest.slice(0, 16)}.`;
}

/** `/dev/sdX` of the target, as soon as the kernel has it. */
export function diskOfTarget(
  files: Files,
  targetName: string,
  done: (path: string | undefined) => void,
): void {
  listSessions(files, targetName, ([session]) => {
    if (session === undefined) return done(undefined);
    descend(files, `${SESSIONS}/${session.folder}/device`, [/^target\d/, /^\d+:/, /^block$/, /^sd/], (disk) =>
      done(disk === undefined ? undefined : `/dev/${disk}`),
    );
  });
}

/** `/dev/sdX` of the export's bridge, once it is whole: it has its size and the patience that it needs. */
export function bridgedDisk(files: Files, prefix: string, done: (path: string | undefined) => void): void {
  diskOfTarget(files, prefix, (path) => {
    if (path === undefined) return done(undefined);
    readText(files, timeoutPath(path), (timeout) =>
      readText(files, `${sysFolder(path)}/size`, (sectors) =>
        done(Number(timeout) === COMMAND_TIMEOUT_S && Number(sectors) > 0 ? path : undefined),
      ),
    );
  });
}

/** Where the kernel is told how long a command of the disk may take, in seconds. */
export const timeoutPath = (path: string): string => `${sysFolder(path)}/device/timeout`;

/** Ends every session with a bridge of the export, and what open-iscsi remembers of it. `failure`: what is still there. */
export function endBridges(
  hands: Hands,
  prefix: string,
  deadlineMs: number,
  done: (failure: string) => void,
): void {
  listSessions(hands.files, prefix, ([session]) => {
    if (session === undefined) return done('');
    if (hands.clock.bootMs() >= deadlineMs)
      return done(`the session with ${session.targetName} does not end`);
    const id = session.folder.slice('session'.length);
    runTool(hands, ['iscsiadm', '-m', 'session', '-r', id, '--logout'], () =>
      forgetTarget(hands, session.targetName, () =>
        hands.timers.after(RETRY_MS, () => endBridges(hands, prefix, deadlineMs, done)),
      ),
    );
  });
}

/** What open-iscsi remembers of bridges of the export that are no more, as after a loss of power. */
export function forgetBridges(hands: Hands, prefix: string, done: () => void): void {
  runTool(hands, ['iscsiadm', '-m', 'node'], (printed = '') => {
    const names = printed.split('\n').flatMap((line) => line.split(' ')[1] ?? []);
    const ours = names.filter((name) => name.startsWith(prefix));
    mapInOrder<string, void>(
      ours,
      (name, next) => forgetTarget(hands, name, next),
      () => done(),
    );
  });
}

function forgetTarget(hands: Hands, name: string, done: () => void): void {
  runTool(hands, ['iscsiadm', '-m', 'node', '-T', name, '-o', 'delete'], () => done());
}

function listSessions(
  files: Files,
  prefix: string,
  done: (sessions: readonly BridgeSession[]) => void,
): void {
  files.list(SESSIONS, (names) => {
    mapInOrder(
      names instanceof EterneError ? [] : names,
      (folder, next: (session: BridgeSession) => void) =>
        readText(files, `${SESSIONS}/${folder}/targetname`, (targetName = '') =>
          next({ folder, targetName }),
        ),
      (sessions) => done(sessions.filter(({ targetName }) => targetName.startsWith(prefix))),
    );
  });
}

/** The name at the end of a path whose names match `patterns`; undefined: it is not there. */
function descend(
  files: Files,
  folder: string,
  [pattern, ...others]: readonly RegExp[],
  done: (name: string | undefined) => void,
): void {
  files.list(folder, (names) => {
    const name = names instanceof EterneError ? undefined : names.find((one) => pattern?.test(one));
    if (name === undefined || others.length === 0) return done(name);
    descend(files, `${folder}/${name}`, others, done);
  });
}

const sysFolder = (path: string): string => `/sys/block/${path.slice('/dev/'.length)}`;
