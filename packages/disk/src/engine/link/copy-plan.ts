import { NIL_UUID, type ReplicaSummary } from '../../metadata/index.ts';
import type { ResyncBegin } from '../../protocol/messages/resync-names.ts';
import type { Replica } from '../replica.ts';

export type CopyPlan = Pick<ResyncBegin, 'kind' | 'byDigest'>;

/**
 * How the source of a copy goes about it. Digests come first where most of what is marked is probably the same on both sides: after a crash the
 * bits cover whole extents of the activity log, and a copy that once was equal has changed little.
 */
export function copyPlan(extent: 'bitmap' | 'full', replica: Replica, theirs: ReplicaSummary): CopyPlan {
  const { crashedPrimary } = replica.metadata.state;
  if (extent === 'bitmap') return { kind: 'bitmap', byDigest: crashedPrimary || theirs.crashedPrimary };
  const isBlank = theirs.justCreated && theirs.volumeUuid === NIL_UUID;
  if (!isBlank) return { kind: 'checksum', byDigest: true };
  return { kind: replica.config.initialSync === 'smart' ? 'smart' : 'full', byDigest: false };
}
