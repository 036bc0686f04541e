/** What lies where in a node's DIR. */
import { join } from 'node:path';

export type DaemonName = 'service' | 'monitor' | 'heart' | 'disk';
export const DAEMON_NAMES: readonly DaemonName[] = ['service', 'monitor', 'heart', 'disk'];

export const identityPath = (dir: string): string => join(dir, 'node.json');
/** Sockets and records that mean nothing after a reboot. */
export const runFolder = (dir: string): string => join(dir, 'run');
export const logFolder = (dir: string): string => join(dir, 'log');
export const raftFolder = (dir: string): string => join(dir, 'raft');
/** Metadata of the volumes' replicas. */
export const volumesFolder = (dir: string): string => join(dir, 'volumes');

export type SocketName = DaemonName | 'launcher';
/** Where a daemon of this node listens. Unix socket paths are limited to 107 bytes by the kernel. */
export const socketPath = (dir: string, name: SocketName): string => join(runFolder(dir), `${name}.sock`);
export const socketAddress = (dir: string, name: SocketName): string => `unix:${socketPath(dir, name)}`;
/** Held locked as long as the node runs: one launcher per DIR. */
export const lockPath = (dir: string): string => join(runFolder(dir), 'node.lock');
/** What the monitor has started and not yet stopped. */
export const startedPath = (dir: string): string => join(runFolder(dir), 'started.json');
export const resourceLogPath = (dir: string, group: string, resource: string): string =>
  join(logFolder(dir), `${group}.${resource}.log`);
export const daemonLogPath = (dir: string, name: SocketName): string => join(logFolder(dir), `${name}.log`);
