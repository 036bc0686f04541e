/** What lies where in a node's DIR. */
import { join } from 'node:path';

export type DaemonName = 'service' | 'monitor' | 'heart' | 'disk';
export const DAEMON_NAMES: readonly DaemonName[] = ['service', 'monitor', 'heart', 'disk'];

export const identityPath = (dir: string): string => join(dir, 'node.json');
/** Of a recovery that is under way, or was cut short: node/recover.ts. */
export const recoveryPath = (dir: string): string => join(dir, 'recovery.json');
/** Sockets and records that mean nothing after a reboot. */
export const runFolder = (dir: string): string => join(dir, 'run');
export const logFolder = (dir: string): string => join(dir, 'log');
export const raftFolder = (dir: string): string => join(dir, 'raft');
/** Every epoch of the embedded log has its own file. */
export const raftLogPath = (dir: string, epoch = 0): string =>
  join(raftFolder(dir), epoch === 0 ? 'log' : `log.${epoch}`);
/** Which epoch's log the node follows: node/log-marker.ts. */
export const placePath = (dir: string): string => join(raftFolder(dir), 'place.json');
/** Of a pair's tie-breaker that has no disk: raft/tie/proof-record.ts. */
export const tieRecordPath = (dir: string): string => join(raftFolder(dir), 'tie');
/** Of a pair that prefers availability: raft/tie/solo-record.ts. */
export const soloRecordPath = (dir: string): string => join(raftFolder(dir), 'solo');
/** Metadata of the volumes' replicas. */
export const volumesFolder = (dir: string): string => join(dir, 'volumes');

export type SocketName = DaemonName | 'launcher';
/** Where a daemon of this node listens. Unix socket paths are limited to 107 bytes by the kernel. */
export const socketPath = (dir: string, name: SocketName): string => join(runFolder(dir), `${name}.sock`);
export const socketAddress = (dir: string, name: SocketName): string => `unix:${socketPath(dir, name)}`;
/** Where the disk process exports a volume to this machine, as NBD; the export's name is the volume's. */
export const volumeSocketPath = (dir: string, volume: string): string =>
  join(runFolder(dir), `${volume}.nbd`);
/** Held locked as long as the node runs: one launcher per DIR. */
export const lockPath = (dir: string): string => join(runFolder(dir), 'node.lock');
/** Compiled code of the daemons, so that a restart takes half the time and memory. */
export const codeCacheFolder = (dir: string): string => join(runFolder(dir), 'code');
/** Attributes of OCF agents with Pacemaker's lifetime `reboot`: the launcher forgets them when it starts. */
export const passingAttributesFolder = (dir: string): string => join(runFolder(dir), 'ocf-attributes');
/** The cluster's members as the service last told the heart. */
export const membersPath = (dir: string): string => join(runFolder(dir), 'members.json');
/** What the monitor has started and not yet stopped. */
export const startedPath = (dir: string): string => join(runFolder(dir), 'started.json');
/** What an earlier life left, to be taken away by the monitor before it serves. */
export const leftoversPath = (dir: string): string => join(runFolder(dir), 'leftovers.json');
export const resourceLogPath = (dir: string, group: string, resource: string): string =>
  join(logFolder(dir), `${group}.${resource}.log`);
export const daemonLogPath = (dir: string, name: SocketName): string => join(logFolder(dir), `${name}.log`);
