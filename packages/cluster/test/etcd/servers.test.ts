/** Against three real etcd servers: what fails there, and what must not. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { EterneError } from '@eterne/base';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { openGrpcStore } from '../../src/etcd/store/grpc-store.ts';
import type { TxnAnswer } from '../../src/etcd/store/port.ts';
import { etcdBed, MEMBERS, nowMs, until, type Bed, type Member } from '../contract/beds.ts';
import { EtcdServers, makePems, noEtcd, type Pems } from './support/etcd-servers.ts';

const world = { ...createNodeWorld('test'), log: () => {} };

type Access = Parameters<typeof openGrpcStore>[1];

const asked = (access: Access): Promise<TxnAnswer | EterneError> =>
  new Promise((resolve) => {
    const store = openGrpcStore(world, access);
    store.txn({ compare: [], success: [{ kind: 'range', key: 'x' }], failure: [] }, 2000, (answer) => {
      store.close();
      resolve(answer);
    });
  });

describe('the log in three etcd servers, over TLS', { skip: noEtcd, timeout: 600_000 }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'eterne-etcd-tls-'));
  let pems: Pems;
  let servers: EtcdServers;
  let bed: Bed;
  const members: Member[] = [];
  const warnings: string[] = [];
  const onWarning = ({ name, message }: Error): void => void warnings.push(`${name}: ${message}`);
  const isQuorate = (): boolean => members.every(({ log }) => log.leadership().quorate);
  const kindOf = async (member: Member, command: string): Promise<string> =>
    new Promise((resolve) => member.log.append(command, ({ kind }) => resolve(kind)));
  /** Until it is applied: answers the name that it was applied under. One whose fate is unknown may never be, nor may its name come twice. */
  const append = async (member: Member, command: string): Promise<string> => {
    for (let attempt = 1, name = command; ;) {
      const kind = await kindOf(member, name);
      if (kind === 'applied') return name;
      if (kind === 'unknown') name = `${command}, attempt ${(attempt += 1)}`;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const have = (command: string): Promise<void> =>
    until(`everybody has ${command}`, () => members.every(({ applied }) => applied.includes(command)));

  before(async () => {
    process.on('warning', onWarning);
    pems = await makePems(dir);
    servers = await EtcdServers.start({ pems });
    bed = await etcdBed(servers);
    for (const id of MEMBERS) members.push(await bed.start(id));
    await until('there is a leader', isQuorate);
  });
  after(async () => {
    for (const member of members) await member.stop();
    await servers?.stop();
    rmSync(dir, { recursive: true });
    process.off('warning', onWarning);
  });

  test('a client without a certificate, or in the clear, gets nothing', async () => {
    const { endpoints, tls } = servers;
    assert.ok(tls);
    const right = await asked({ endpoints, tls });
    assert.ok(!(right instanceof EterneError));
    for (const access of [undefined, { ca: tls.ca }]) {
      const answer = await asked({ endpoints, tls: access });
      assert.ok(answer instanceof EterneError);
      assert.equal(answer.code, 'unreachable');
    }
  });

  test('no server is told an address as its name', () => {
    assert.deepEqual(warnings, []);
  });

  test('a server whose certificate another authority signed is not believed', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'eterne-etcd-ca-'));
    await makePems(elsewhere);
    const { endpoints, tls } = servers;
    assert.ok(tls);
    const answer = await asked({ endpoints, tls: { ...tls, ca: readFileSync(join(elsewhere, 'ca.pem')) } });
    rmSync(elsewhere, { recursive: true });
    assert.ok(answer instanceof EterneError);
  });

  for (const index of [0, 1, 2])
    test(`server ${index} is lost, whether it leads or not, and comes back`, async () => {
      await servers.kill(index);
      await have(await append(members[index] as Member, `without ${index}`));
      servers.run(index);
      await servers.healthy();
      await until('all are quorate', isQuorate);
    });

  test('without a majority of the servers nothing is granted or decided, and it goes on when one is back', async () => {
    let leader: Member | undefined;
    await until('somebody leads', () => {
      leader = members.find(({ log }) => log.leadership().isLeader);
      return leader !== undefined;
    });
    await servers.kill(0);
    servers.pause(1);
    const outcomes = members.map((member, i) => kindOf(member, `lost ${i}`));
    await until('nobody is quorate', () =>
      members.every(({ log }) => {
        const { quorate, isLeader, authorityUntilBootMs } = log.leadership();
        return !quorate && !isLeader && authorityUntilBootMs < nowMs();
      }),
    );
    for (const outcome of outcomes) assert.notEqual(await outcome, 'applied');
    const error = await new Promise<unknown>((resolve) => leader?.log.readBarrier(resolve));
    assert.ok(error instanceof EterneError && error.code === 'no-quorum');
    servers.resume(1);
    servers.run(0);
    await until('all are quorate', isQuorate);
    await have(await append(members[0] as Member, 'after all'));
    for (const { applied } of members) assert.deepEqual(applied, members[0]?.applied);
    assert.equal(new Set(members[0]?.applied).size, members[0]?.applied.length);
  });

  test('the last command seals the epoch: nothing more is taken, and nobody leads', async () => {
    assert.notEqual(await kindOf(members[1] as Member, 'last'), 'refused');
    await have('last');
    await until('nobody leads', () => members.every(({ log }) => !log.leadership().isLeader));
    const behind = await Promise.all(members.map((member) => kindOf(member, 'behind')));
    assert.ok(!behind.includes('applied'), String(behind));
    const late = await bed.start('n4');
    await until('a late one sees it', () => late.applied.includes('last'));
    assert.equal(late.applied.at(-1), 'last');
    await late.stop();
  });
});
