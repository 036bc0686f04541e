/** What a monitor is asked to do when a node is to be fenced, and what it answers. */
import type { FenceDevice } from '../state/model.ts';

export interface FenceOrder {
  /** The node to be made certain of. */
  readonly node: string;
  /** Every device of that node, of all levels. */
  readonly devices: readonly FenceDevice[];
}

export interface FenceResult {
  /** The node's power was seen to be off: nothing of it runs. */
  readonly confirmed: boolean;
  /** A sentence: how it was done, or why it was not, device by device. */
  readonly reason: string;
}

/** An order takes no longer than this, whatever its devices are told. */
export const FENCE_ORDER_MAX_MS = 15 * 60_000;

/** The longest that an order can take: every attempt on every device runs into its timeout. */
export function fenceOrderMs({ devices }: FenceOrder): number {
  const METADATA_AND_POWER_UP = 2;
  const attempts = devices.map(
    ({ retries, timeoutMs }) => (2 * (retries + 1) + METADATA_AND_POWER_UP) * timeoutMs,
  );
  return Math.min(
    attempts.reduce((sum, ms) => sum + ms, 0),
    FENCE_ORDER_MAX_MS,
  );
}
