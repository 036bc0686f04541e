/** Replication links between real disk processes: TLS, several paths, compression. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { TestAuthority } from '../../packages/runtime/test/support/certificates.ts';
import { until } from './support/cluster-node.ts';
import { filesOf, mirrorPair, startSynced, type LinksOf, type MirrorPair } from './support/disk-node.ts';
import { Recorder } from './support/recorder.ts';
import { relayedPair, type RelayedPair, type RelayedPairOptions } from './support/relayed-pair.ts';

const MIB = 1024 * 1024;
const MARK = 'a sentence that nobody on the wire may read';
const cleanUp: (() => Promise<void> | void)[] = [];

after(async () => {
  for (const clean of cleanUp.reverse()) await clean();
});

async function newPair(size: string, linksOf: LinksOf): Promise<MirrorPair> {
  const pair = await mirrorPair(size, [], filesOf, linksOf);
  cleanUp.push(() => pair.remove());
  return pair;
}

function newAuthority(): TestAuthority {
  const authority = new TestAuthority();
  cleanUp.push(() => rmSync(authority.folder, { recursive: true }));
  return authority;
}

const tlsBy = ({ folder }: TestAuthority, name: string): string =>
  `, tls: { ca: ${folder}/ca.pem, cert: ${folder}/${name}.pem, key: ${folder}/${name}.key }`;

const connect = ({ a }: MirrorPair): Promise<NbdClient> => NbdClient.open({ path: a.nbdPath }, 'v0');

/** Both ended cleanly: their stores are byte-identical. */
async function assertIdentical({ a, b }: MirrorPair): Promise<void> {
  assert.deepEqual(await Promise.all([a.stop(), b.stop()]), [0, 0]);
  execFileSync('cmp', [a.image, b.image]);
}

async function newRelayedPair(size: string, options: RelayedPairOptions): Promise<RelayedPair> {
  const pair = await relayedPair(size, options);
  cleanUp.push(() => pair.remove());
  return pair;
}

describe('replication links', { timeout: 600_000 }, () => {
  it('are unreadable on the wire with TLS, and closed to strangers', async () => {
    const [authority, other] = [newAuthority(), newAuthority()];
    for (const name of ['a', 'b', 'c']) authority.issue(name);
    other.issue('b');
    let wire = Buffer.alloc(0);
    const pair = await newRelayedPair('16MiB', {
      replicationOf: (node) => tlsBy(authority, node),
    });
    pair.relays[0]?.tap((bytes) => (wire = Buffer.concat([wire, bytes])));
    await startSynced(pair);
    const client = await connect(pair);
    assert.equal((await client.write(0, Buffer.alloc(64 * 1024, MARK))).error, 0);
    client.close();
    assert.ok(wire.includes('ETERNE-MIRROR/1 v0 a'), 'the preface is in clear');
    assert.ok(wire.length > 64 * 1024 && !wire.includes(MARK));
    await assertIdentical(pair);
  });

  it('refuse a peer with another name or of another authority, and say so', async () => {
    const [authority, other] = [newAuthority(), newAuthority()];
    for (const name of ['a', 'b', 'c']) authority.issue(name);
    other.issue('b');
    const directly = (node: 'a' | 'b', tls: string): LinksOf => {
      return (self, ports) => ({
        addresses: [`127.0.0.1:${ports[self === 'a' ? 'b' : 'a']}`],
        replication: self === node ? tls : tlsBy(authority, self),
      });
    };
    for (const tls of [tlsBy(authority, 'c'), tlsBy(other, 'b'), '']) {
      const { a, b } = await newPair('16MiB', directly('b', tls));
      await Promise.all([a.start(), b.start()]);
      await until(
        'the refusal is logged',
        () => /is refused: TLS|TLS with/.test(a.stderr + b.stderr) || tls === '',
      );
      await assert.rejects(a.wait('connected', 500));
      await Promise.all([a.stop(), b.stop()]);
    }
  });

  it('carry on over one path when the other falls silent, in the same session', async () => {
    const pair = await newRelayedPair('32MiB', { relays: 2 });
    await startSynced(pair);
    const { a } = pair;
    const paths = async (): Promise<number> => (await a.status()).peers[0]?.paths?.length ?? 0;
    await until('both paths are up', async () => (await paths()) === 2);
    const recorder = new Recorder(32 * MIB);
    let stop = false;
    const client = await connect(pair);
    const load = recorder.run(client, 16, () => stop);
    await until('both carry data', () => pair.relays.every(({ carriedBytes }) => carriedBytes > MIB));
    const { setVersion } = await a.status();
    const said = a.stderr;
    pair.relays[0]?.goSilent();
    await until('one path is gone', async () => (await paths()) === 1);
    const tried = recorder.tried;
    await until('writes go on', () => recorder.tried > tried + 200);
    pair.relays[0]?.heal();
    await until('the path is back', async () => (await paths()) === 2);
    stop = true;
    await load;
    await recorder.check(client);
    client.close();
    assert.equal((await a.status()).setVersion, setVersion, 'the peer never left');
    assert.equal(a.stderr, said);
    await assertIdentical(pair);
  });

  it('carry several paths and TLS together', async () => {
    const authority = newAuthority();
    for (const name of ['a', 'b']) authority.issue(name);
    const pair = await newRelayedPair('16MiB', {
      relays: 2,
      replicationOf: (node) => tlsBy(authority, node),
    });
    await startSynced(pair);
    const client = await connect(pair);
    await until('both carry data', async () => {
      await client.write(0, Buffer.alloc(4 * MIB, MARK));
      return pair.relays.every(({ carriedBytes }) => carriedBytes > MIB);
    });
    client.close();
    await assertIdentical(pair);
  });

  it('send less of what can be compressed', async () => {
    const pair = await newRelayedPair('32MiB', { extra: ['compress: zstd'] });
    await startSynced(pair);
    const before = pair.relays[0]?.carriedBytes ?? 0;
    const client = await connect(pair);
    for (let at = 0; at < 8; at += 1) await client.write(at * MIB, Buffer.alloc(MIB, MARK));
    client.close();
    const sent = (pair.relays[0]?.carriedBytes ?? 0) - before;
    assert.ok(sent < MIB, `${sent} bytes for 8 MiB of text`);
    await assertIdentical(pair);
  });
});
