/** States to start tests from. */
import { apply, emptyState } from '../../src/state/apply.ts';
import type { Command } from '../../src/state/commands.ts';
import type { ClusterState } from '../../src/state/model.ts';
import type { View } from '../../src/service/view.ts';
import { group, member, volume } from '../service/fake-cluster.ts';

export function after(state: ClusterState, ...commands: readonly Command[]): ClusterState {
  return commands.reduce((current, command) => apply(current, command).state, state);
}

/** Nodes n1, n2 and witness w1; n1 leads in term 1. */
export function foundedState(): ClusterState {
  return after(
    emptyState(),
    { kind: 'bootstrap', cluster: 'test', clusterId: 'id', member: member('n1'), atMs: 0 },
    { kind: 'member-add', member: member('n2'), atMs: 0 },
    { kind: 'member-add', member: member('w1'), atMs: 0 },
    { kind: 'lead', node: 'n1', leaderTerm: 1, atMs: 0 },
  );
}

/** And group `db` on volume `data`, owned by n1 in epoch 1, promoted in term 1, in sync on both. */
export function runningState(): ClusterState {
  const founded = foundedState();
  return after(
    founded,
    {
      kind: 'configure',
      revision: founded.revision,
      changes: [
        { kind: 'volume-put', spec: volume('data', ['n1', 'n2']) },
        { kind: 'group-put', spec: group('db', ['n1', 'n2'], 'data') },
      ],
      atMs: 0,
    },
    {
      kind: 'group-assign',
      group: 'db',
      expectedEpoch: 0,
      owner: 'n1',
      reason: 'test',
      displaced: false,
      leaderTerm: 1,
      atMs: 0,
    },
    {
      kind: 'volume-promote',
      volume: 'data',
      node: 'n1',
      group: 'db',
      epoch: 1,
      expectedTerm: 0,
      seenTerm: 0,
      reached: ['n1', 'n2'],
      atMs: 0,
    },
  );
}

/** What `self` makes of it, who is the member of that name. */
export function seenBy(state: ClusterState, self: string): Pick<View, 'life' | 'self' | 'state'> {
  return { life: member(self).voterId, self, state };
}
