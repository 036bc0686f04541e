/** Hostile bytes on everything that a running node listens on: the connection is dropped, nothing else happens. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterNode, until } from './support/cluster-node.ts';

interface Port {
  readonly kind: 'tcp' | 'udp';
  readonly host: string;
  readonly port: number;
}

/** Inodes of the sockets that a process holds. */
function socketsOf(pid: number): Set<string> {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
}

/** What a process listens on, from the kernel's own tables (proc(5)): TCP in state LISTEN (0A), UDP bound (07). */
function portsOf(pid: number): Port[] {
  const mine = socketsOf(pid);
  return (['tcp', 'udp'] as const).flatMap((kind) =>
    readFileSync(`/proc/net/${kind}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === (kind === 'tcp' ? '0A' : '07') && mine.has(fields[9] ?? ''))
      .map((fields): Port => {
        const [address = '', port = ''] = (fields[1] ?? '').split(':');
        const bytes = address.match(/../g) ?? [];
        const host = bytes
          .map((byte) => Number.parseInt(byte, 16))
          .reverse()
          .join('.');
        return { kind, host, port: Number.parseInt(port, 16) };
      }),
  );
}

/** The same bytes in every run (xorshift32). */
function* noise(seed: number): Generator<Buffer> {
  let state = seed;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  for (;;) {
    const bytes = Buffer.alloc(1 + (next() % 1200));
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = next() & 0xff;
    yield bytes;
  }
}

const sendTcp = ({ host, port }: Port, bytes: Buffer): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect({ host, port }, () => socket.end(bytes));
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
    setTimeout(() => socket.destroy(), 500).unref();
  });

const sendUdp = ({ host, port }: Port, bytes: Buffer): Promise<void> =>
  new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.send(bytes, port, host, () => {
      socket.close();
      resolve();
    });
  });

const root = mkdtempSync(join(tmpdir(), 'eterne-garbage-'));
const node = new ClusterNode(root, 'n1', 81, 'node');

before(async () => node.found());
after(async () => {
  node.signal('SIGTERM');
  await node.ended();
  rmSync(root, { recursive: true, force: true });
});

/** Every daemon is known to the cluster, and everything listens: API, Raft, replication and heartbeats. */
async function settled(): Promise<{ readonly pids: object; readonly ports: readonly Port[] }> {
  for (const startedMs = performance.now(); ; await sleep(50)) {
    const pids = (await node.status())?.nodes[0]?.pids;
    const known = Object.values(pids ?? {}).filter((pid) => pid !== null);
    const ports = known.flatMap(portsOf);
    const kinds = ports.map(({ kind }) => kind).sort();
    if (pids && known.length === 4 && kinds.join() === 'tcp,tcp,tcp,udp') return { pids, ports };
    assert.ok(performance.now() - startedMs < 60_000, `settled: ${JSON.stringify(pids)}, ${kinds.join()}`);
  }
}

test('garbage on every port of a node is dropped, and the node goes on', { timeout: 600_000 }, async () => {
  const { pids, ports } = await settled();
  const source = noise(0x5eed);
  for (let turn = 0; turn < 40; turn += 1) {
    for (const port of ports) {
      const bytes = source.next().value as Buffer;
      await (port.kind === 'tcp' ? sendTcp(port, bytes) : sendUdp(port, bytes));
    }
  }
  await until('the node is quorate', async () => (await node.status())?.quorate === true);
  assert.deepEqual((await node.status())?.nodes[0]?.pids, pids, 'no daemon was restarted');
});
