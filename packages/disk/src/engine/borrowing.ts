/**
 * A replica that serves before it has every block. It reads what it lacks from the source of its copy, which is the only member of the in-sync set until
 * the end: every acknowledged write is there. So nothing is served, nor acknowledged, without it, and it alone is promoted when they lose each other.
 */
import { EterneError } from '@eterne/base';
import type { Peer } from './link/peer.ts';
import type { Replica } from './replica.ts';

const WAIT = 'wait for the end of the copy: eterne disk wait --for uptodate';

/** `source`: has given its names already. */
export function whyNotBorrow(replica: Replica, source: Peer | undefined): EterneError | undefined {
  const { config, peers, rescue } = replica;
  const [peer] = peers;
  if (config.mode === 'async')
    return new EterneError('unsupported', 'an asynchronous volume does not serve while it is copied to', {
      hint: WAIT,
    });
  if (peer === undefined || replica.hasThirdParties)
    return new EterneError('unsupported', 'only one of two replicas serves while it is copied to', {
      hint: WAIT,
    });
  if (rescue?.isCopying === true) return wayBackKept();
  const isSource = peer.session?.phase === (source === undefined ? 'target' : 'established');
  if (isSource) return undefined;
  return refused(
    `${peer.node}, which has what is missing here, is not connected as a source`,
    `connect it, or promote ${peer.node}`,
  );
}

/** A copy into this replica is over, and whoever counts is there with the same. */
export function isEqualToSet({ config, metadata, peers }: Replica): boolean {
  const others = metadata.state.set.members.filter((member) => member !== config.node);
  const isEqual = (member: string): boolean => {
    const session = peers.find(({ node }) => node === member)?.session;
    return session?.isEqual === true && !session.isLender;
  };
  return config.mode === 'sync' && others.length > 0 && others.every(isEqual);
}

/** A replica that has taken its source's name cannot go back to what it was. */
export function wayBackKept(): EterneError {
  return refused('the rescue journal keeps the way back from this copy', WAIT);
}

function refused(message: string, hint: string): EterneError {
  return new EterneError('refused', message, { hint });
}
