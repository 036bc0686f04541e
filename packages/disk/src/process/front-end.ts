/**
 * Front ends that are made above this package (iSCSI). Imports point down, so whoever composes the processes hands the volume's worker a
 * function that makes them; NBD, which is of this package, is one of the same shape.
 */
import type { EterneError } from '@eterne/base';
import type { Address, Stream, World } from '@eterne/runtime';
import type { VolumeConfig } from '../engine/api.ts';
import type { ByteDevice } from '../nbd/byte-device.ts';
import type { FrontState } from './front-state.ts';
import type { ExportSpec } from './port.ts';

export interface FrontEnd {
  /** Bound, with the real port where 0 was asked for. */
  readonly address: Address;
  /** From now on clients get this term's device; those of an earlier one are cut. */
  serve(bytes: ByteDevice): void;
  /** The term has ended: every connection is cut, held commands are never answered. */
  withdraw(): void;
  close(): void;
  /** The device that is served has become larger. Absent: clients ask for its size themselves. */
  resized?(): void;
  /** A client that came to `portal` of a node that is not primary. Absent: this front end has no such clients. */
  accept?(stream: Stream, fromNode: string, portal: Address): void;
}

/** Where a front end stands. */
export interface FrontEndSite {
  readonly world: World;
  readonly config: VolumeConfig;
  readonly state: FrontState;
  /**
   * Connects a client of this node, of which nothing has been read, with the front end on the node that is primary. `refused`: there is
   * none to be reached now; the client is as it was.
   */
  forward(client: Stream, refused: () => void): void;
}

export type ListenFrontEnd = (
  site: FrontEndSite,
  spec: ExportSpec,
  done: (result: FrontEnd | EterneError) => void,
) => void;
