/** What the service relies on, whichever engine keeps the log (`ports.ts`, `OrderedLog`). */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EtcdServers, noEtcd } from '../etcd/support/etcd-servers.ts';
import { COMPACT_AFTER, embeddedBed, etcdBed, MEMBERS, nowMs, until, type Bed, type Member } from './beds.ts';

type Result = Parameters<Parameters<Member['log']['append']>[1]>[0];

const appended = ({ log }: Member, command: string): Promise<Result> =>
  new Promise((resolve) => log.append(command, resolve));

async function barrier(member: Member): Promise<void> {
  const error = await new Promise((resolve) => member.log.readBarrier(resolve));
  if (error !== undefined) await barrier(member);
}

const leads = ({ log }: Member): boolean => log.leadership().isLeader;

function contract(engine: string, skip: string | false, makeBed: () => Promise<Bed>): void {
  describe(`the ordered log by ${engine}`, { skip, timeout: 600_000 }, () => {
    let bed: Bed;
    const members = new Map<string, Member>();
    /** Of which nobody knows whether they are applied, or will be: their leader was lost on a busy machine. */
    const unknown = new Set<string>();

    /** Sent again until it is applied: answers the name that it was applied under. One whose fate is unknown may have been, so its name does not come twice. */
    const append = async (member: Member, command: string): Promise<string> => {
      for (let attempt = 1, name = command; ;) {
        const { kind } = await appended(member, name);
        if (kind === 'applied') return name;
        if (kind === 'unknown') {
          unknown.add(name);
          name = `${command}, attempt ${(attempt += 1)}`;
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const all = (): Member[] => [...members.values()];
    const leader = async (): Promise<[string, Member]> => {
      await until('one leads, and all know it', () => {
        const [first, second] = all().filter(leads);
        const known = new Set(all().map(({ log }) => log.leadership().leader));
        const isAlone =
          first !== undefined && second === undefined && known.size === 1 && !known.has(undefined);
        return isAlone && all().every(({ log }) => log.leadership().quorate);
      });
      const found = [...members].find(([, member]) => leads(member));
      assert.ok(found);
      return found;
    };
    const same = (): void => {
      for (const { applied } of all()) assert.deepEqual(applied, all()[0]?.applied);
    };

    before(async () => {
      bed = await makeBed();
      for (const id of MEMBERS) members.set(id, await bed.start(id));
    });
    after(async () => {
      for (const member of all()) await member.stop();
      await bed?.close();
    });

    test('one leads, and everybody is in contact with a majority', async () => {
      await leader();
      // A busy machine may just have let an authority lapse, or elect another one.
      await until('who leads has authority', () =>
        all().some(({ log }) => log.leadership().isLeader && log.leadership().authorityUntilBootMs > nowMs()),
      );
      const [id] = await leader();
      for (const { log } of all()) {
        const { leader: known, isLeader, authorityUntilBootMs } = log.leadership();
        assert.equal(known, id);
        assert.ok(isLeader || authorityUntilBootMs <= nowMs(), 'nobody else has authority');
      }
    });

    test('what all append at once is applied everywhere in one order, each once', async () => {
      const commands = MEMBERS.flatMap((id) => Array.from({ length: 30 }, (_, i) => `${id}-${i}`));
      const names = await Promise.all(
        commands.map((command) => append(members.get(command.slice(0, 2)) as Member, command)),
      );
      await Promise.all(all().map(barrier));
      same();
      const certain = all()[0]?.applied.filter((command) => !unknown.has(command));
      assert.deepEqual(certain?.toSorted(), names.toSorted());
    });

    test('a read sees what was acknowledged elsewhere before', async () => {
      for (const [i, writer] of all().entries()) {
        const name = await append(writer, `seen ${i}`);
        for (const reader of all()) {
          await barrier(reader);
          assert.ok(reader.applied.includes(name));
        }
      }
    });

    test('a member that comes back has everything, and its earlier life is over', async () => {
      const [id, old] = [...members].find(([, member]) => !leads(member)) ?? [];
      assert.ok(id !== undefined && old);
      const open = Array.from({ length: 5 }, (_, i) => appended(old, `left behind ${i}`));
      await old.stop();
      await Promise.all(open);
      const next = await bed.start(id);
      members.set(id, next);
      await barrier(next);
      const count = next.applied.length;
      await append(next, 'again');
      assert.equal(next.applied.slice(count).filter((command) => command.startsWith('left')).length, 0);
      await Promise.all(all().map(barrier));
      same();
    });

    test('a leader that dies is followed by another, not before its authority has ended', async () => {
      const [id, old] = await leader();
      const { raftTerm, authorityUntilBootMs } = old.log.leadership();
      await old.stop();
      members.delete(id);
      const [, next] = await leader();
      assert.ok(nowMs() >= authorityUntilBootMs, 'its authority is over');
      assert.ok(next.log.leadership().raftTerm > raftTerm);
      await append(next, 'without it');
      members.set(id, await bed.start(id));
      await Promise.all(all().map(barrier));
      same();
    });

    test('leadership is handed over', async () => {
      const [id, old] = await leader();
      const successor = MEMBERS.find((each) => each !== id) as string;
      // A busy machine may not get it done in its time; then it is begun again.
      await until('it leads', () => {
        if (leads(members.get(successor) as Member)) return true;
        for (const { log } of all().filter(leads)) log.transferLeadership(successor);
        return false;
      });
      await append(old, 'handed over');
    });

    test('a long history is replaced by a snapshot', async () => {
      const [id, old] = [...members].find(([, member]) => !leads(member)) ?? [];
      assert.ok(id !== undefined && old);
      await old.stop();
      members.delete(id);
      const [writer] = all() as [Member, ...Member[]];
      for (let i = 0; i < 3 * COMPACT_AFTER; i += 1) await append(writer, `long ${i}`);
      members.set(id, await bed.start(id));
      await Promise.all(all().map(barrier));
      same();
    });

    test('a member whose program does not understand a command stops before it, or the snapshot after it; another program goes on', async () => {
      const [id, old] = [...members].find(([, member]) => !leads(member)) ?? [];
      assert.ok(id !== undefined && old);
      await old.stop();
      members.delete(id);
      const [writer] = all() as [Member, ...Member[]];
      const older = await bed.start(id, true);
      await append(writer, 'newer');
      await until('it stops', () => older.stopped() !== undefined);
      assert.equal(older.stopped()?.code, 'needs-upgrade');
      assert.ok(!older.applied.includes('newer'));
      assert.equal((await appended(older, 'its own')).kind, 'refused');
      assert.ok(!older.log.leadership().quorate);
      assert.equal(older.log.trouble, older.stopped()?.message);
      await older.stop();
      for (let i = 0; i < 3 * COMPACT_AFTER; i += 1) await append(writer, `after ${i}`);
      const again = await bed.start(id, true);
      await until('it stops again', () => again.stopped() !== undefined);
      await again.stop();
      members.set(id, await bed.start(id));
      await Promise.all(all().map(barrier));
      same();
    });

    test('nothing is taken once it is closed', async () => {
      const member = all()[0] as Member;
      await member.stop();
      assert.equal((await appended(member, 'late')).kind, 'refused');
      const error = await new Promise<unknown>((resolve) => member.log.readBarrier(resolve));
      assert.ok(error !== undefined);
      assert.equal(leads(member), false);
    });
  });
}

contract('embedded Raft', false, () => embeddedBed());

let servers: EtcdServers | undefined;
contract('etcd', noEtcd, async () => {
  servers = await EtcdServers.start();
  return etcdBed(servers);
});
after(() => servers?.stop());
