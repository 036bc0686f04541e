/**
 * What an operator may want of one replica of a volume, and what would cost acknowledged writes (Invariant 1): only members of the in-sync set
 * hold them all, so the content of the last one, and of the one that is served, is not given up by an order.
 */
import { unreachable } from '@eterne/base';
import type { VolumeState } from './model.ts';
import { joinedOrderRefusal } from './joined.ts';
import type { Refusal } from './outcome.ts';

export type VolumeOrder =
  /** Compares the copies; `repair` copies what differs from the primary. */
  | { readonly verb: 'verify'; readonly peer?: string; readonly fast: boolean; readonly repair: boolean }
  | { readonly verb: 'resync'; readonly peer?: string }
  /** The link with `peer`. */
  | { readonly verb: 'connect' | 'disconnect'; readonly peer: string }
  /** Its content is worthless: everything is copied to it. */
  | { readonly verb: 'invalidate' }
  /** Gives its disk back. */
  | { readonly verb: 'detach' }
  | { readonly verb: 'attach'; readonly replaced: boolean }
  /** Ends a split brain with `peer`: what this side (`local`) or the other one changed is given up. */
  | { readonly verb: 'resolve'; readonly peer: string; readonly discard: 'local' | 'remote' }
  /** `path`: a new file on that node; without `id`: the newest point that is kept; `part`: of this part alone. */
  | {
      readonly verb: 'rescue-export';
      readonly id?: number;
      readonly path: string;
      readonly part?: string;
    }
  | { readonly verb: 'rescue-drop'; readonly id: number };

export function orderRefusal(volume: VolumeState, node: string, order: VolumeOrder): Refusal | undefined {
  if (volume.spec.joined !== undefined) return joinedOrderRefusal(volume, node, order);
  const { name, replicas } = volume.spec;
  const others = 'peer' in order && order.peer !== undefined ? [order.peer] : [];
  const bare = [node, ...others].find((each) => !replicas.some((replica) => replica.node === each));
  if (bare !== undefined) return refused(`volume ${name} has no replica on ${bare}`);
  if (others.includes(node)) return refused(`${node} has no link with itself`);
  if (order.verb === 'rescue-export' && order.part !== undefined && !hasPart(volume, order.part))
    return refused(`volume ${name} has no part ${order.part}`);
  const loser = loserOf(node, order);
  return loser === undefined ? undefined : lossRefusal(volume, node, order, loser);
}

const hasPart = ({ spec }: VolumeState, part: string): boolean =>
  spec.parts.some(({ name }) => name === part);

/** Whose content is given up. */
export function loserOf(node: string, order: VolumeOrder): string | undefined {
  switch (order.verb) {
    case 'invalidate':
      return node;
    case 'attach':
      return order.replaced ? node : undefined;
    case 'resolve':
      return order.discard === 'local' ? node : order.peer;
    case 'verify':
    case 'resync':
    case 'connect':
    case 'disconnect':
    case 'detach':
    case 'rescue-export':
    case 'rescue-drop':
      return undefined;
    default:
      return unreachable(order);
  }
}

function lossRefusal(
  volume: VolumeState,
  node: string,
  order: VolumeOrder,
  loser: string,
): Refusal | undefined {
  const { inSyncSet, primary, spec } = volume;
  // A primary whose disk was replaced is served by the others, and has left the set for that.
  if (primary === loser && order.verb !== 'attach')
    return refused(`volume ${spec.name} is served by ${loser}; move or stop its group first`);
  if (!inSyncSet.members.includes(loser)) return undefined;
  const winner = order.verb === 'resolve' ? (loser === node ? order.peer : node) : undefined;
  if (winner !== undefined && !inSyncSet.members.includes(winner))
    return refused(
      `${loser} holds every acknowledged write of ${spec.name}, and ${winner} does not; if they are to be given up, say \`eterne volume accept-loss ${spec.name} --node ${winner}\` with its group stopped`,
    );
  if (inSyncSet.members.every((member) => member === loser))
    return refused(`only ${loser} holds every acknowledged write of ${spec.name}`);
  return undefined;
}

/** For the timeline. */
export function orderSentence(volume: string, node: string, order: VolumeOrder): string {
  const copy = `the copy of ${volume} on ${node}`;
  switch (order.verb) {
    case 'verify':
      return `${copy} is to be compared with ${order.peer ?? 'the others'}${order.fast ? ', by bitmaps only' : ''}${order.repair ? ', and repaired' : ''}`;
    case 'resync':
      return `what a verify of ${volume} has marked is to be copied${order.peer === undefined ? '' : ` to ${order.peer}`}`;
    case 'connect':
      return `${copy} is to connect to ${order.peer} again`;
    case 'disconnect':
      return `${copy} is to leave ${order.peer} alone`;
    case 'invalidate':
      return `${copy} is declared worthless: everything is to be copied to it`;
    case 'detach':
      return `${copy} is to give its disk back`;
    case 'attach':
      return `the disk of ${copy} is there again${order.replaced ? ', replaced: everything is to be copied to it' : ''}`;
    case 'resolve':
      return `the split brain of ${volume} is to end: what ${loserOf(node, order)} changed is given up`;
    case 'rescue-export':
      return `an image of what was overwritten of ${order.part === undefined ? '' : `part ${order.part} of `}${copy} is to be written to ${order.path}`;
    case 'rescue-drop':
      return `what was overwritten of ${copy} is not to be kept any longer (point ${order.id})`;
    default:
      return unreachable(order);
  }
}

function refused(message: string): Refusal {
  return { code: 'refused', message };
}
