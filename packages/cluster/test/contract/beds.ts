/** Three members with an ordered log, by either engine, in real time: what `contract.test.ts` runs on. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { EtcdLog } from '../../src/etcd/etcd-log.ts';
import { beginEpoch } from '../../src/etcd/founding.ts';
import { openGrpcStore } from '../../src/etcd/store/grpc-store.ts';
import type { EtcdTiming } from '../../src/etcd/timing.ts';
import type { LogSubject, OrderedLog } from '../../src/ports.ts';
import { ByteWriter } from '../../src/raft/codec.ts';
import { firstImage, openEmbeddedLog, type EmbeddedLog } from '../../src/raft/embedded-log.ts';
import { Sessions } from '../../src/raft/sessions.ts';
import { createLogFile } from '../../src/raft/storage/log-store.ts';
import { openTcpTransport, type TcpTransport } from '../../src/raft/transport/tcp-transport.ts';
import type { EtcdServers } from '../etcd/support/etcd-servers.ts';
import { PROFILES } from '../../src/profiles.ts';

export const MEMBERS = ['n1', 'n2', 'n3'] as const;
export const COMPACT_AFTER = 20;
const CLUSTER = 'contract';
const world: World = { ...createNodeWorld('test'), log: () => {} };

/** Shorter than in production, so that the tests are; the servers elect nobody meanwhile. */
export const FAST: EtcdTiming = {
  beatMs: 150,
  takeOverMs: 1200,
  driftMarginMs: 120,
  pollMs: 50,
  requestMs: 500,
  retryMs: 50,
  giveUpMs: 5000,
};

export interface Engine extends OrderedLog<string> {
  transferLeadership(to: string): EterneError | undefined;
}

export interface Member {
  readonly log: Engine;
  readonly applied: string[];
  /** Why its log stopped by itself. */
  readonly stopped: () => EterneError | undefined;
  /** As if the process died: it says nothing more. */
  stop(): Promise<void>;
}

export interface Bed {
  /** `isOlder`: its program does not understand commands that begin with "newer", nor what they led to. */
  start(id: string, isOlder?: boolean): Promise<Member>;
  close(): Promise<void>;
}

interface Subject {
  readonly applied: string[];
  readonly stopped: () => EterneError | undefined;
  readonly subject: LogSubject<string>;
}

function subject(isOlder: boolean): Subject {
  const applied: string[] = [];
  let stopped: EterneError | undefined;
  const understood = (text: string): string => {
    if (isOlder && text.includes('newer')) throw new EterneError('needs-upgrade', `${text.slice(0, 20)}?`);
    return text;
  };
  return {
    applied,
    stopped: () => stopped,
    subject: {
      encode: (command) => Buffer.from(command),
      decode: (bytes) => understood(bytes.toString()),
      takeSnapshot: () => Buffer.from(JSON.stringify(applied)),
      restoreSnapshot: (bytes) => {
        applied.splice(0, applied.length, ...(JSON.parse(understood(bytes.toString())) as string[]));
      },
      stopped: (error) => {
        assert.ok(isOlder, error.message);
        assert.equal(stopped, undefined, 'it stops once');
        stopped = error;
      },
    },
  };
}

function settled<T>(begin: (done: (result: T | EterneError | undefined) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    begin((result) => (result instanceof EterneError ? reject(result) : resolve(result as T)));
  });
}

/** `elsewhere`: members whose log lies in another folder. */
export async function embeddedBed(elsewhere: ReadonlyMap<string, string> = new Map()): Promise<Bed> {
  const dir = mkdtempSync(join(tmpdir(), 'eterne-contract-'));
  const ports = new Map<string, number>();
  const path = (id: string): string => join(elsewhere.get(id) ?? dir, id);
  for (const id of MEMBERS) ports.set(id, await freePort());
  const address = (id: string): string => `127.0.0.1:${ports.get(id)}`;
  const voters = MEMBERS.map((id) => ({ id, role: 'voter' }) as const);
  for (const id of MEMBERS) {
    const image = firstImage({ cluster: CLUSTER, member: id }, voters);
    await settled<void>((done) => createLogFile(world, path(id), image, done));
  }
  return {
    async start(id, isOlder = false) {
      const options = {
        world,
        cluster: CLUSTER,
        clusterKey: Buffer.alloc(32, 7),
        self: id,
        timing: () => PROFILES.lan.raft,
        addressesOf: (member: string) => [address(member)],
      };
      const transport = await settled<TcpTransport>((done) => openTcpTransport(options, [address(id)], done));
      const own = subject(isOlder);
      const log = await settled<EmbeddedLog<string>>((done) =>
        openEmbeddedLog(
          {
            world,
            path: path(id),
            identity: { cluster: CLUSTER, member: id },
            timing: () => PROFILES.lan.raft,
            transport,
            subject: own.subject,
            compactAfterEntries: COMPACT_AFTER,
          },
          done,
        ),
      );
      log.onApplied((command) => own.applied.push(command));
      log.start();
      return {
        log,
        applied: own.applied,
        stopped: own.stopped,
        stop: () => {
          transport.close();
          return new Promise((resolve) => log.close(resolve));
        },
      };
    },
    close: async () => rmSync(dir, { recursive: true }),
  };
}

/** The state before anything happened. */
export function nothing(): Buffer {
  return new ByteWriter().bytes(new Sessions().encode()).bytes(Buffer.from('[]')).finish();
}

export async function etcdBed(servers: EtcdServers, epoch = 1): Promise<Bed> {
  const access = { endpoints: servers.endpoints, tls: servers.tls };
  const founder = openGrpcStore(world, access);
  await settled<void>((done) =>
    beginEpoch(
      {
        store: founder,
        clusterId: CLUSTER,
        epoch,
        timeoutMs: 2000,
        index: 0,
        data: nothing(),
        name: 'first',
      },
      done,
    ),
  );
  founder.close();
  return {
    async start(id, isOlder = false) {
      const own = subject(isOlder);
      const log = new EtcdLog<string>({
        world,
        store: openGrpcStore(world, access),
        clusterId: CLUSTER,
        epoch,
        member: id,
        timing: () => FAST,
        subject: own.subject,
        isMember: () => true,
        isLast: (command) => command === 'last',
        compactAfterEntries: COMPACT_AFTER,
      });
      log.onApplied((command) => own.applied.push(command));
      log.start();
      const { applied, stopped } = own;
      return { log, applied, stopped, stop: () => new Promise((resolve) => log.close(resolve)) };
    },
    close: async () => {},
  };
}

export async function until(what: string, condition: () => boolean, withinMs = 120_000): Promise<void> {
  const endMs = world.clock.bootMs() + withinMs;
  while (!condition()) {
    assert.ok(world.clock.bootMs() < endMs, `in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const nowMs = (): number => world.clock.bootMs();
