/** What a group's owner is to do with it now. */
import type { GroupState } from '../../state/model.ts';
import type { View } from '../view.ts';

export type Wish =
  | { readonly kind: 'run' }
  | { readonly kind: 'stop'; readonly outcome: 'stopped' | 'failed'; readonly reason: string };

export function wishFor({ self, leaving }: View, group: GroupState): Wish {
  const gaveUp = group.failures.find((failure) => failure.gaveUp && failure.node === self);
  if (group.desired === 'stopped') return stop('stopped', 'stopped by the operator');
  if (gaveUp) return stop('failed', `${gaveUp.resource} could not be kept running on ${self}`);
  if (group.move) return stop('stopped', group.move.reason);
  if (leaving) return stop('stopped', `${self} is being stopped`);
  return { kind: 'run' };
}

function stop(outcome: 'stopped' | 'failed', reason: string): Wish {
  return { kind: 'stop', outcome, reason };
}
