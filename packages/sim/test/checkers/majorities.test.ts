import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstImage } from '@eterne/cluster/raft/embedded-log.ts';
import type { MemberRole } from '@eterne/cluster/raft/members.ts';
import { createLogFile } from '@eterne/cluster/raft/storage/log-store.ts';
import { encodeProofRecord } from '@eterne/cluster/raft/tie/proof-record.ts';
import { proofTieId } from '@eterne/cluster/raft/tie/tie-id.ts';
import type { MemberId } from '@eterne/cluster/raft/types.ts';
import { type Keeper, MajoritiesChecker } from '../../src/checkers/majorities.ts';
import { Universe } from '../../src/world/universe.ts';

const PATHS = { log: '/raft/log', proof: '/raft/tie' };
const TIE = proofTieId('life1');

class Machines {
  readonly universe = new Universe(1, { keepLines: false });
  readonly keepers: Keeper[] = [];

  /** Its log begins with these voters; whose proof it holds, if any. */
  add(name: string, voters: readonly MemberId[], stopped?: MemberId): void {
    const node = this.universe.addNode(name, [`host-${name}`]);
    const member = `${name}#life1`;
    this.keepers.push({ node, member });
    const role: MemberRole = 'voter';
    const image = firstImage(
      { cluster: 'c', member },
      voters.map((id) => ({ id, role })),
    );
    const { world } = node.start('setup');
    createLogFile(world, PATHS.log, image, (error) => assert.equal(error, undefined));
    if (stopped === undefined) return;
    const record = encodeProofRecord({
      member: TIE,
      held: { peer: stopped, how: 'fenced', knowsAll: true },
      barred: [],
    });
    world.files.writeFileAtomic(PATHS.proof, record, 0o600, (error) => assert.equal(error, undefined));
  }

  get verdict(): string | undefined {
    this.universe.runUntil(1_000);
    new MajoritiesChecker(this.universe, PATHS, undefined).look(this.keepers);
    return this.universe.violation?.checker;
  }
}

const PAIR = ['a#life1', 'b#life1', TIE];

test('a tie-breaker that needs a proof votes for whoever holds one', () => {
  const machines = new Machines();
  machines.add('a', PAIR, 'b#life1');
  machines.add('b', ['b#life1']);
  assert.equal(machines.verdict, 'majorities');
});

test('nobody else has a majority with it', () => {
  const machines = new Machines();
  machines.add('a', PAIR);
  machines.add('b', ['b#life1']);
  assert.equal(machines.verdict, undefined);
});

test('majorities that have somebody in common are no two', () => {
  const machines = new Machines();
  machines.add('a', PAIR, 'b#life1');
  machines.add('b', PAIR);
  assert.equal(machines.verdict, undefined);
});
