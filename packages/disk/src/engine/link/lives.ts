/**
 * Which members of a cluster two replicas belong to. A machine that was removed, or replaced, and runs on has the name and the certificate of whoever has its name now, but
 * not his life: what a member is given when it joins, and nobody else ever has. A session is between the two lives that both sides mean, or there is none:
 * else the removed machine would be copied to, and the in-sync set name its successor, which has nothing of that.
 */
import type { Others } from '../api.ts';

export interface Lives {
  readonly own: string;
  readonly peer: string;
}

/** Undefined where nobody has told: outside a cluster, and before every node of it knows lives. */
export function livesBetween(
  self: string,
  peer: string,
  { lives = {} }: Pick<Others, 'lives'>,
): Lives | undefined {
  const own = lives[self];
  const other = lives[peer];
  return own === undefined || other === undefined ? undefined : { own, peer: other };
}

export function sameLives(a: Lives | undefined, b: Lives | undefined): boolean {
  return a?.own === b?.own && a?.peer === b?.peer;
}

/** `said`: by the peer, as seen from there. Why that is not whom this side means; undefined: it is, or nobody has told whom it means. */
export function mistaken(
  node: string,
  meant: Lives | undefined,
  said: Lives | undefined,
): string | undefined {
  if (meant === undefined) return undefined;
  if (said === undefined) return `it does not say which member of the cluster it is`;
  if (said.own !== meant.peer) return `it is another machine than the member ${node}`;
  return said.peer === meant.own ? undefined : 'it takes this node for another machine';
}
