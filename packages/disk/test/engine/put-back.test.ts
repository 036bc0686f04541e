/** A disk that is put back to an older copy, in the eyes of third replicas that met it between. */
import { describe, test } from 'node:test';
import type { MemoryDisk } from './support/memory-disk.ts';
import type { TestNode } from './support/mesh.ts';
import { isWhole, peerOf, threeEqual, type Three } from './support/three.ts';

/** The node's disks as they are now; called, they are that again. The node must be down. */
function keepDisks({ data, metadata }: TestNode): () => void {
  const keep = (disk: MemoryDisk): (() => void) => {
    const content = Buffer.from(disk.content);
    return () => {
      disk.write(0, content);
      disk.flush(disk.mark());
    };
  };
  const kept = [keep(data), keep(metadata)];
  return () => kept.forEach((putBack) => putBack());
}

/** The node, which is down, has blank disks from now on. */
function blank({ data, metadata }: TestNode): void {
  for (const disk of [data, metadata]) {
    disk.write(0, Buffer.alloc(disk.sizeBytes));
    disk.flush(disk.mark());
  }
}

function restart(three: Three, node: TestNode, whileDown: () => void = () => {}): void {
  node.kill(true);
  whileDown();
  node.start();
  three.mesh.until(() => isWhole(three));
}

describe('a disk that was put back', () => {
  test('again and again, is whole in the eyes of a third replica too, which follows it when it is promoted', () => {
    const three = threeEqual();
    const { mesh, register, a, b, c } = three;
    let back = (): void => {};
    restart(three, b, () => (back = keepDisks(b)));
    // Of copies from one attach every new one begins with another incarnation, now a higher and now a lower one.
    for (let round = 1; round <= 6; round += 1) {
      mesh.write(a, 3, round);
      restart(three, b, back);
      mesh.until(() => peerOf(c, 'b').replication === 'Established');
    }
    a.kill();
    register.promote(mesh, b, [b, c]);
    mesh.until(() => register.set.members.includes('c') && peerOf(b, 'c').replication === 'Established');
    a.start();
    mesh.until(() => isWhole(three));
    mesh.assertIdentical();
  });

  test('while a third replica was away, is its source once another member has vouched for it', () => {
    const three = threeEqual();
    const { mesh, register, a, b, c } = three;
    // What c meets of b last, a never meets.
    b.kill(true);
    const back = keepDisks(b);
    mesh.network.cut('a', 'b');
    b.start();
    mesh.until(() => peerOf(c, 'b').connection === 'Connected' && !register.set.members.includes('b'));
    c.kill();
    b.kill(true);
    mesh.network.heal('a', 'b');
    back();
    b.start();
    mesh.until(() => register.set.members.join() === 'a,b');
    mesh.write(a, 3, 1);
    a.kill();
    register.promote(mesh, b, [b]);
    mesh.write(b, 4, 2);
    c.start();
    mesh.until(() =>
      c.logs.some((line) => line.includes('b was rolled back to an older copy, but b is primary')),
    );
    a.start();
    mesh.until(() => isWhole(three));
    mesh.assertIdentical();
  });

  test('and made whole while a third replica is half copied and away, is the source of that one when it is promoted alone', () => {
    const three = threeEqual();
    const { mesh, register, a, b, c } = three;
    let back = (): void => {};
    restart(three, b, () => (back = keepDisks(b)));
    // Of b, c meets a later life than a does.
    mesh.network.cut('a', 'b');
    b.kill(true);
    b.start();
    mesh.until(() => peerOf(c, 'b').connection === 'Connected' && !register.set.members.includes('b'));
    c.kill();
    b.kill(true);
    mesh.network.heal('a', 'b');
    mesh.write(a, 3, 1);
    back();
    b.start();
    mesh.until(() => register.set.members.join() === 'a,b');
    c.start();
    mesh.until(() => c.volume.status().disk === 'Inconsistent');
    c.kill();
    a.kill();
    register.promote(mesh, b, [b]);
    mesh.write(b, 4, 2);
    c.start();
    mesh.until(() => register.set.members.join() === 'b,c');
    a.start();
    mesh.until(() => isWhole(three));
    mesh.assertIdentical();
  });

  test('is found out by a member that met it before it came into the set, and not since', () => {
    const three = threeEqual();
    const { mesh, register, a, b, c } = three;
    // So that no name is taken later on, and nothing is left in b's activity log.
    mesh.write(a, 2, 1);
    mesh.flush(a);
    restart(three, b);
    let back = (): void => {};
    restart(three, b, () => (back = keepDisks(b)));
    mesh.until(() => peerOf(c, 'b').replication === 'Established');
    mesh.network.cut('b', 'c');
    restart(three, b);
    // Under the name that the copy has, too; what is written afterwards is all that c has marked for b.
    mesh.write(a, 3, 1);
    mesh.flush(a);
    b.kill(true);
    back();
    mesh.write(a, 4, 2);
    a.kill();
    mesh.network.heal('b', 'c');
    register.promote(mesh, c, [c]);
    b.start();
    mesh.until(() => register.set.members.join() === 'b,c');
    a.start();
    mesh.until(() => isWhole(three));
    mesh.assertIdentical();
  });

  test('replaced by a blank one, and copied to by a replica that was away, lacks what is copied to that one later', () => {
    const three = threeEqual();
    const { mesh, register, a, b, c } = three;
    c.kill();
    mesh.until(() => register.set.members.join() === 'a,b');
    b.kill();
    mesh.until(() => register.set.members.join() === 'a');
    // b comes to be equal, outside the set, and then loses what no flush has covered.
    const held: (() => void)[] = [];
    const propose = register.propose.bind(register);
    register.propose = (proposal, done) => held.push(() => propose(proposal, done));
    b.start();
    mesh.until(() => peerOf(a, 'b').replication === 'Established');
    mesh.write(a, 50, 4);
    b.kill(true);
    mesh.until(() => peerOf(a, 'b').connection === 'Connecting');
    register.propose = propose;
    for (const answer of held) answer();
    mesh.until(() => register.set.members.join() === 'a');
    c.start();
    mesh.until(() => register.set.members.join() === 'a,c');
    mesh.flush(a);
    mesh.scheduler.runFor(100);
    a.kill(true);
    blank(a);
    register.promote(mesh, c, [c]);
    mesh.write(c, 100, 5);
    mesh.network.cut('a', 'c');
    mesh.network.cut('b', 'c');
    a.start();
    b.start();
    mesh.until(() => peerOf(b, 'a').replication === 'Established');
    mesh.network.heal('b', 'c');
    mesh.until(() => register.set.members.join() === 'b,c');
    mesh.demote(c);
    register.promote(mesh, b, [b, c]);
    mesh.network.heal('a', 'c');
    mesh.until(() => isWhole(three));
    mesh.assertIdentical();
  });

  test('or replaced by a blank one, and filled by a replica that never met the former, is the source of one that has met both', () => {
    const three = threeEqual();
    const { mesh, register, a, b, c } = three;
    for (let round = 1; round <= 3; round += 1) restart(three, b);
    b.kill(true);
    c.kill(true);
    mesh.until(() => register.set.members.join() === 'a');
    blank(c);
    c.start();
    mesh.until(() => register.set.members.join() === 'a,c');
    mesh.demote(a);
    register.promote(mesh, c, [a, c]);
    blank(b);
    mesh.network.cut('b', 'c');
    b.start();
    mesh.until(() => peerOf(a, 'b').connection === 'Connected');
    mesh.network.heal('b', 'c');
    mesh.until(() => isWhole(three));
    a.kill();
    mesh.demote(c);
    register.promote(mesh, b, [b, c]);
    c.kill();
    mesh.write(b, 3, 1);
    mesh.until(() => register.set.members.join() === 'b');
    a.start();
    mesh.until(() => register.set.members.join() === 'a,b');
    c.start();
    mesh.until(() => isWhole(three));
    mesh.assertIdentical();
  });
});
