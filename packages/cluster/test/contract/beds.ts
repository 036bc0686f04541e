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
import { LAN_TIMING } from '../../src/raft/types.ts';
import type { EtcdServers } from '../etcd/support/etcd-servers.ts';

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
  /** As if the process died: it says nothing more. */
  stop(): Promise<void>;
}

export interface Bed {
  start(id: string): Promise<Member>;
  close(): Promise<void>;
}

interface Subject {
  readonly applied: string[];
  readonly subject: LogSubject<string>;
}

function subject(): Subject {
  const applied: string[] = [];
  return {
    applied,
    subject: {
      encode: (command) => Buffer.from(command),
      decode: (bytes) => bytes.toString(),
      takeSnapshot: () => Buffer.from(JSON.stringify(applied)),
      restoreSnapshot: (bytes) => {
        applied.splice(0, applied.length, ...(JSON.parse(bytes.toString()) as string[]));
      },
      stopped: (error) => assert.fail(error),
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
    async start(id) {
      const options = {
        world,
        cluster: CLUSTER,
        clusterKey: Buffer.alloc(32, 7),
        self: id,
        timing: LAN_TIMING,
        addressesOf: (member: string) => [address(member)],
      };
      const transport = await settled<TcpTransport>((done) => openTcpTransport(options, [address(id)], done));
      const own = subject();
      const log = await settled<EmbeddedLog<string>>((done) =>
        openEmbeddedLog(
          {
            world,
            path: path(id),
            identity: { cluster: CLUSTER, member: id },
            timing: LAN_TIMING,
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
    async start(id) {
      const own = subject();
      const log = new EtcdLog<string>({
        world,
        store: openGrpcStore(world, access),
        clusterId: CLUSTER,
        epoch,
        member: id,
        timing: FAST,
        subject: own.subject,
        isMember: () => true,
        isLast: (command) => command === 'last',
        compactAfterEntries: COMPACT_AFTER,
      });
      log.onApplied((command) => own.applied.push(command));
      log.start();
      return { log, applied: own.applied, stop: () => new Promise((resolve) => log.close(resolve)) };
    },
    close: async () => {},
  };
}

export async function until(what: string, condition: () => boolean, withinMs = 20_000): Promise<void> {
  const endMs = world.clock.bootMs() + withinMs;
  while (!condition()) {
    assert.ok(world.clock.bootMs() < endMs, `in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const nowMs = (): number => world.clock.bootMs();
