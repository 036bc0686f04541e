/** Pacemaker's nodes have numbers, that agents also use as reservation keys; Eterne's have names only. */
import { crc32c } from '@eterne/base';
import type { PictureNode } from '../../../../node/picture.ts';

const BITS = 0x7fffffff;

/** The same on every node and for ever: a checksum of the name, never 0. */
export const nodeId = (name: string): number => crc32c(Buffer.from(name)) & BITS || 1;

/** Two of them have one number: no number means anything then. */
export function haveSameId(nodes: readonly PictureNode[]): boolean {
  return new Set(nodes.map(({ name }) => nodeId(name))).size < nodes.length;
}
