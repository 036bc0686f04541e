import assert from 'node:assert/strict';
import type { Arbiter, InSyncSet, SetAnswer, SetProposal } from '../../../src/engine/api.ts';
import type { Mesh, TestNode } from './mesh.ts';

/** What a cluster agrees on about one volume: term, who holds it, in-sync set. Always reachable. */
export class Register implements Arbiter {
  term = 0;
  holder = '';
  set: InSyncSet = { version: 0, members: [] };
  /** As they were told with the newest proposal that told any. */
  lives: SetProposal['lives'];

  propose(proposal: SetProposal, done: (answer: SetAnswer) => void): void {
    const { expectedVersion, members, term } = proposal;
    if (term.number !== this.term || expectedVersion !== this.set.version)
      return done({ kind: 'refused', reason: 'another term' });
    this.set = { version: this.set.version + 1, members: members.toSorted() };
    this.lives = proposal.lives ?? this.lives;
    done({ kind: 'committed', set: this.set });
  }

  /** Commits a new term with the set reduced to `reachable`, then has `node` serve it. */
  promote(mesh: Mesh, node: TestNode, reachable: readonly TestNode[]): void {
    const names = reachable.map(({ name }) => name);
    const isFirst = this.term === 0;
    assert.ok(isFirst || this.set.members.includes(node.name), `${node.name} has every acknowledged write`);
    const members = isFirst ? [node.name] : this.set.members.filter((member) => names.includes(member));
    this.term += 1;
    this.holder = node.name;
    this.set = { version: this.set.version + 1, members };
    mesh.promote(node, { granted: { term: { number: this.term, grantor: 'cluster' }, set: this.set } });
    mesh.longLease(node);
  }
}
