import type { Timers } from '@eterne/runtime';
import type { Arbiter, SetAnswer, SetProposal, VolumeConfig } from './api.ts';

/**
 * The arbiter of a volume without a cluster: this node alone decides. A returning replica is always let in. A lost one is
 * let go with `onPeerLost: continue`, and waited for with `freeze`; for `ask` see `process/asking-arbiter.ts`.
 */
export function createLocalArbiter(
  timers: Timers,
  config: Pick<VolumeConfig, 'node' | 'onPeerLost'>,
): Arbiter {
  return {
    isLocal: true,
    propose(proposal: SetProposal, done: (answer: SetAnswer) => void): void {
      const answer = decide(proposal, config);
      timers.soon(() => done(answer));
    },
  };
}

function decide(proposal: SetProposal, config: Pick<VolumeConfig, 'node' | 'onPeerLost'>): SetAnswer {
  const lost = (proposal.removed ?? []).filter((member) => member !== config.node);
  if (lost.length > 0 && config.onPeerLost === 'freeze')
    return { kind: 'hold', reason: `${lost.join(', ')} lost; onPeerLost is freeze` };
  return {
    kind: 'committed',
    set: { version: proposal.expectedVersion + 1, members: proposal.members },
  };
}
