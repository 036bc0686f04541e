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
import { TcpRelay } from './support/tcp-relay.ts';

const MIB = 1024 * 1024;
const MARK = 'a sentence that nobody on the wire may read';
const cleanUp: (() => Promise<void> | void)[] = [];

after(async () => {
  for (const clean of cleanUp.reverse()) await clean();
});

async function newPair(size: string, linksOf: LinksOf, extra: readonly string[] = []): Promise<MirrorPair> {
  const pair = await mirrorPair(size, extra, filesOf, linksOf);
  cleanUp.push(() => pair.remove());
  return pair;
}

function newRelay(): TcpRelay {
  const relay = new TcpRelay();
  cleanUp.push(() => relay.close());
  return relay;
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

/** `a`, which dials, reaches `b` through so many relays. */
async function relayedPair(
  size: string,
  count: number,
  replicationOf: (node: 'a' | 'b') => string,
  extra: readonly string[] = [],
): Promise<{ pair: MirrorPair; relays: TcpRelay[] }> {
  const relays = Array.from({ length: count }, newRelay);
  const toB = Promise.withResolvers<number>();
  const fronts = await Promise.all(relays.map((relay) => relay.listen(toB.promise)));
  const pair = await newPair(
    size,
    (node, ports) => {
      toB.resolve(ports.b);
      const addresses = node === 'a' ? fronts : [`127.0.0.1:${ports.a}`];
      return { addresses, replication: replicationOf(node) };
    },
    extra,
  );
  return { pair, relays };
}

describe('replication links', { timeout: 600_000 }, () => {
  it('are unreadable on the wire with TLS, and closed to strangers', async () => {
    const [authority, other] = [newAuthority(), newAuthority()];
    for (const name of ['a', 'b', 'c']) authority.issue(name);
    other.issue('b');
    let wire = Buffer.alloc(0);
    const { pair, relays } = await relayedPair('16MiB', 1, (node) => tlsBy(authority, node));
    relays[0]?.tap((bytes) => (wire = Buffer.concat([wire, bytes])));
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
    const { pair, relays } = await relayedPair('32MiB', 2, () => '');
    await startSynced(pair);
    const { a } = pair;
    const paths = async (): Promise<number> => (await a.status()).peers[0]?.paths?.length ?? 0;
    await until('both paths are up', async () => (await paths()) === 2);
    const recorder = new Recorder(32 * MIB);
    let stop = false;
    const client = await connect(pair);
    const load = recorder.run(client, 16, () => stop);
    await until('both carry data', () => relays.every(({ carriedBytes }) => carriedBytes > MIB));
    const { setVersion } = await a.status();
    const said = a.stderr;
    relays[0]?.goSilent();
    await until('one path is gone', async () => (await paths()) === 1);
    const tried = recorder.tried;
    await until('writes go on', () => recorder.tried > tried + 200);
    relays[0]?.heal();
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
    const { pair, relays } = await relayedPair('16MiB', 2, (node) => tlsBy(authority, node));
    await startSynced(pair);
    const client = await connect(pair);
    await until('both carry data', async () => {
      await client.write(0, Buffer.alloc(4 * MIB, MARK));
      return relays.every(({ carriedBytes }) => carriedBytes > MIB);
    });
    client.close();
    await assertIdentical(pair);
  });

  it('send less of what can be compressed', async () => {
    const { pair, relays } = await relayedPair('32MiB', 1, () => '', ['compress: zstd']);
    await startSynced(pair);
    const before = relays[0]?.carriedBytes ?? 0;
    const client = await connect(pair);
    for (let at = 0; at < 8; at += 1) await client.write(at * MIB, Buffer.alloc(MIB, MARK));
    client.close();
    const sent = (relays[0]?.carriedBytes ?? 0) - before;
    assert.ok(sent < MIB, `${sent} bytes for 8 MiB of text`);
    await assertIdentical(pair);
  });
});
