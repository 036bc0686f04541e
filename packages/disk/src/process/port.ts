/** What the cluster sees of a disk process: over a unix socket in production, directly in the simulator. */
import type { EterneError } from '@eterne/base';
import type { Address } from '@eterne/runtime';
import type { AttachChoice } from '../attach/choose.ts';
import type { Grant, PromoteRequest, SetAnswer, SetProposal, VolumeStatus } from '../engine/api.ts';
import type { VolumeSpec } from './config.ts';
import type { TlsFiles } from './tls-files.ts';
import type { CallDone } from './volume-process.ts';
import type { ReplicaCall } from './worker-messages.ts';

export interface NbdExport {
  readonly kind: 'nbd';
  readonly listen: string;
  /** Clients must speak TLS and show a certificate by this authority. */
  readonly tls?: TlsFiles;
}

export interface IscsiExport {
  readonly kind: 'iscsi';
  readonly listen: string;
  /** The same on every node that serves the volume. */
  readonly iqn: string;
  /** Allowed initiator names; absent: any. */
  readonly initiators?: readonly string[] | undefined;
  readonly chap?: ChapSecrets | undefined;
}

export interface ChapSecrets {
  readonly user: string;
  readonly password: string;
  /** With which the target proves itself. */
  readonly mutualUser?: string | undefined;
  readonly mutualPassword?: string | undefined;
}

/** A block device of this machine's kernel (`attach/attached-device.ts`). */
export interface AttachExport {
  readonly kind: 'attach';
  readonly as: AttachChoice;
  /** Where its helper's socket and mount point are made. */
  readonly folder: string;
}

export type ExportSpec = NbdExport | IscsiExport | AttachExport;

type Done = (error: EterneError | undefined) => void;

export interface DiskPort {
  /**
   * Opens the volume, or mirror set, if it is not open. Idempotent. Of an open volume only the peers may change (replicas that come and go), while it
   * serves; any other difference is `conflict`. `committed`: what its replica has to know before it meets a peer (`Arbiter.committed`); nothing to one that
   * is open. Of a volume that was never promoted, or on several devices, there is none.
   */
  ensureVolume(spec: VolumeSpec, committed: Grant | undefined, done: Done): void;
  removeVolume(name: string, done: Done): void;
  promote(name: string, request: PromoteRequest, done: Done): void;
  demote(name: string, done: Done): void;
  /** What an operator wants of this replica. Its status is sent before the answer. */
  ask(name: string, call: ReplicaCall, done: CallDone): void;
  /** Where peers are let in from now on; sessions that came by another address go on by those that stay. Bound as soon as they can be. */
  listenAt(addresses: readonly Address[]): void;
  setLease(name: string, lease: { readonly validUntilBootMs: number; readonly graceMs: number }): void;
  /** Current statuses once, then on every change (and at least once a second while something moves). */
  onStatus(listener: (volumes: readonly VolumeStatus[]) => void): void;
  /** The primary asks for a change of the in-sync set. Exactly one listener: the cluster service. */
  onProposal(listener: (proposal: SetProposal, answer: (answer: SetAnswer) => void) => void): void;
  /** The disk process has gone (and with it every export); a new port is needed. */
  onClose(listener: () => void): void;
  close(): void;
}
