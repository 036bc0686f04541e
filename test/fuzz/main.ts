/**
 * Throws hostile bytes at the NBD and replication ports of two real disk processes and at the iSCSI port of a target while honest clients go on with their work:
 * `npm run fuzz -- [--seconds N] [--seed N]`, 600 s by default. Fails when a process dies, when an honest client gets no answer or a wrong one,
 * or when memory grows beyond its bound. The seed is printed and repeats the bytes (not their timing).
 */
import { readFileSync } from 'node:fs';
import { connect, type NetConnectOpts } from 'node:net';
import { parseArgs } from 'node:util';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { mirrorPair, startSynced, type DiskNode, type MirrorPair } from '../e2e/support/disk-node.ts';
import { HonestInitiator, FUZZED, startFuzzedTarget, type FuzzedTarget } from './iscsi-target.ts';
import { iscsiConversation } from './iscsi-bytes.ts';
import { mirrorConversation } from './mirror-bytes.ts';
import { mutate, seeded, type Random } from './mutate.ts';
import { nbdConversation } from './nbd-bytes.ts';

const MIB = 1024 * 1024;
const SIZE_BYTES = 64 * MIB;
/** The honest client's own part, which no hostile write may touch: the fuzzer's requests stay below it. */
const HONEST_AT = SIZE_BYTES - MIB;
const AT_ONCE = 8;
/** What a process may take beyond what it had after the first few seconds: slabs, caches and garbage that is not collected yet. */
const GROWTH_MAX_BYTES = 256 * MIB;
const ANSWER_TIMEOUT_MS = 20_000;
const CONVERSATION_MS = 2000;

interface Tally {
  conversations: number;
  bytes: number;
  honestWrites: number;
}

interface Attacked {
  readonly pair: MirrorPair;
  readonly target: FuzzedTarget;
}

/** Sends, reads whatever comes, and hangs up. */
function converse(to: NetConnectOpts, bytes: Buffer, random: Random): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(to);
    const timer = setTimeout(() => socket.destroy(), 20 + random(CONVERSATION_MS / 10));
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
    let at = 0;
    const sendOn = (): void => {
      while (at < bytes.length) {
        const piece = bytes.subarray(at, at + 1 + random(8192));
        at += piece.length;
        if (!socket.write(piece)) return void socket.once('drain', sendOn);
      }
      if (random(2) === 0) socket.end();
    };
    socket.on('connect', sendOn);
  });
}

interface Attack {
  readonly to: NetConnectOpts;
  readonly bytes: Buffer;
}

function nextAttack({ pair, target }: Attacked, random: Random): Attack {
  switch (random(3)) {
    case 0:
      // NBD requests are not mutated, for no honest block may be hit: a mutated offset could be anything.
      return { to: { path: pair.a.nbdPath }, bytes: nbdConversation(random, HONEST_AT - 256 * 1024) };
    case 1:
      return { to: target.to, bytes: mutate(random, iscsiConversation(random, FUZZED)) };
    default: {
      const [victim, from] = random(2) === 0 ? [pair.a, 'b'] : [pair.b, 'a'];
      const bytes = mutate(random, mirrorConversation(random, from));
      return { to: { host: '127.0.0.1', port: victim.replicationPort }, bytes };
    }
  }
}

async function attack(all: Attacked, random: Random, tally: Tally, until: () => boolean): Promise<void> {
  while (!until()) {
    const { to, bytes } = nextAttack(all, random);
    await converse(to, bytes, random);
    tally.conversations += 1;
    tally.bytes += bytes.length;
  }
}

/** Writes its own blocks and reads them back, for as long as it lasts. */
async function work({ a }: MirrorPair, tally: Tally, until: () => boolean): Promise<void> {
  const client = await NbdClient.open({ path: a.nbdPath }, 'v0');
  for (let round = 0; !until(); round += 1) {
    const data = Buffer.alloc(4096, round % 251);
    const at = HONEST_AT + (round % 256) * 4096;
    const done = (async () => {
      const { error } = await client.write(at, data);
      const read = await client.read(at, data.length);
      if (error !== 0 || !read.data.equals(data))
        throw new Error(`the honest client got a wrong answer: ${error}`);
    })();
    await answered(done);
    tally.honestWrites += 1;
  }
  client.close();
}

async function workIscsi({ address }: FuzzedTarget, tally: Tally, until: () => boolean): Promise<void> {
  const client = await HonestInitiator.open(address);
  for (let round = 0; !until(); round += 1) {
    await answered(client.writeAndCheck(round % 256, Buffer.alloc(4096, round % 251)));
    tally.honestWrites += 1;
  }
  client.close();
}

async function answered(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the honest client got no answer within ${ANSWER_TIMEOUT_MS} ms`)),
      ANSWER_TIMEOUT_MS,
    );
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function pidsOf({ pair, target }: Attacked): Promise<readonly number[]> {
  const nodes: readonly DiskNode[] = [pair.a, pair.b];
  const workers = await Promise.all(nodes.map((node) => node.workerPids()));
  return [target.pid, ...nodes.map(({ pid }) => pid), ...workers.flat()];
}

function residentBytes(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? 0) * 1024;
}

async function watch(all: Attacked, until: () => boolean): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const pids = await pidsOf(all);
  const first = new Map(pids.map((pid) => [pid, residentBytes(pid)]));
  let most = 0;
  while (!until()) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const now = await pidsOf(all);
    if (now.join() !== pids.join() || all.target.hasEnded())
      throw new Error(`a process has died:\n${all.pair.a.stderr}${all.pair.b.stderr}`);
    for (const pid of pids) most = Math.max(most, residentBytes(pid) - (first.get(pid) ?? 0));
    if (most > GROWTH_MAX_BYTES) throw new Error(`a process grew by ${Math.round(most / MIB)} MiB`);
  }
  return most;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '600' }, seed: { type: 'string' } },
  });
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  process.stdout.write(`seed ${seed}\n`);
  const pair = await mirrorPair(`${SIZE_BYTES}`);
  const target = await startFuzzedTarget(pair.folder);
  const attacked = { pair, target };
  const tally: Tally = { conversations: 0, bytes: 0, honestWrites: 0 };
  try {
    await startSynced(pair);
    const endMs = performance.now() + Number(values.seconds) * 1000;
    let failed = false;
    const until = (): boolean => failed || performance.now() > endMs;
    const attackers = Array.from({ length: AT_ONCE }, (_, index) =>
      attack(attacked, seeded(seed + index), tally, until),
    );
    const all = Promise.all([
      watch(attacked, until),
      work(pair, tally, until),
      workIscsi(target, tally, until),
      ...attackers,
    ]);
    all.catch(() => (failed = true));
    const [grownBytes] = await all;
    await pair.a.wait('synced');
    const codes = await Promise.all([pair.a.stop(), pair.b.stop(), target.stop()]);
    if (codes.some((code) => code !== 0)) throw new Error(`ended with ${codes.join(', ')}`);
    process.stdout.write(`${JSON.stringify({ ...tally, grownMiB: Math.round(grownBytes / MIB) })}\n`);
  } finally {
    await target.stop();
    await pair.remove();
  }
}

await main();
