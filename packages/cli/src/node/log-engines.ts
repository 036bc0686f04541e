/** The two engines of the ordered log as a node runs them (`LogEngines`). etcd's client is loaded only where it is used. */
import { EterneError } from '@eterne/base';
import { EtcdLog } from '@eterne/cluster/etcd/etcd-log.ts';
import { beginEpoch } from '@eterne/cluster/etcd/founding.ts';
import type { EtcdStore } from '@eterne/cluster/etcd/store/port.ts';
import type { NodeIdentity } from '@eterne/cluster/node/identity.ts';
import { raftLogPath } from '@eterne/cluster/node/layout.ts';
import { writeMarker, type LogMarker } from '@eterne/cluster/node/log-marker.ts';
import type { LogEngine, LogEngines, LogImage } from '@eterne/cluster/node/log-switch.ts';
import { logIdentity } from '@eterne/cluster/node/raft-log.ts';
import { votersOf } from '@eterne/cluster/node/voters.ts';
import type { LogSubject } from '@eterne/cluster/ports.ts';
import { firstState } from '@eterne/cluster/raft/embedded-log.ts';
import { machineImage } from '@eterne/cluster/raft/machine.ts';
import { Sessions } from '@eterne/cluster/raft/sessions.ts';
import { createLogFile } from '@eterne/cluster/raft/storage/log-store.ts';
import { memberIdOf, nodeOfMember } from '@eterne/cluster/raft/types.ts';
import { timesOf } from '@eterne/cluster/service/timing.ts';
import { apply } from '@eterne/cluster/state/apply.ts';
import type { Command } from '@eterne/cluster/state/commands.ts';
import type { ClusterState, ConsensusSpec } from '@eterne/cluster/state/model.ts';
import type { World } from '@eterne/runtime';

export interface EngineParts {
  readonly world: World;
  readonly dir: string;
  readonly identity: NodeIdentity;
  readonly state: () => ClusterState;
  /** An embedded log of some epoch, with its transport. */
  readonly openEmbedded: (opening: Opening, done: (result: LogEngine | EterneError) => void) => void;
}

export interface Opening {
  readonly epoch: number;
  readonly subject: LogSubject<Command>;
  /** Only for members that have not seen its end: it is not made shorter any more, for nobody knows its state. */
  readonly isOver: boolean;
}

type Done = (error: EterneError | undefined) => void;
type EtcdSpec = Extract<ConsensusSpec, { engine: 'etcd' }>;

export function makeEngines(parts: EngineParts): LogEngines {
  const { world, dir } = parts;
  return {
    open: ({ epoch, consensus }, subject, done) => {
      if (consensus.engine === 'embedded') return parts.openEmbedded({ epoch, subject, isOver: false }, done);
      return withStore(world, consensus, (store) =>
        done(store instanceof EterneError ? store : openEtcd(parts, store, epoch, subject)),
      );
    },
    begin: (marker, image, done) => begin(parts, marker, image, done),
    probe: (consensus, done) => probe(parts, consensus, done),
    reopen: (epoch, done) =>
      world.files.readFile(raftLogPath(dir, epoch), (content) => {
        if (!Buffer.isBuffer(content)) return done(undefined);
        parts.openEmbedded({ epoch, subject: NOTHING, isOver: true }, (engine) =>
          done(engine instanceof EterneError ? undefined : engine),
        );
      }),
    forget: (epoch) =>
      world.files.remove(raftLogPath(dir, epoch), (error) => {
        if (error) world.log('warn', `the log of epoch ${epoch} cannot be removed: ${error.message}`);
      }),
    saveMarker: (marker, done) => writeMarker(world.files, dir, marker, done),
  };
}

/** Of a log that is over: its entries are known already. */
const NOTHING: LogSubject<Command> = {
  encode: () => Buffer.alloc(0),
  decode: () => ({ kind: 'cluster-maintenance', on: false, atMs: 0 }),
  takeSnapshot: () => Buffer.alloc(0),
  restoreSnapshot: () => {},
  stopped: () => {},
};

function openEtcd(
  { world, identity, state }: EngineParts,
  store: EtcdStore,
  epoch: number,
  subject: LogSubject<Command>,
): LogEngine {
  const log = new EtcdLog<Command>({
    world,
    store,
    clusterId: identity.clusterId,
    epoch,
    member: logIdentity(identity).member,
    timing: () => timesOf(state()).etcd,
    subject,
    isMember: (id) => {
      const member = state().members[nodeOfMember(id)];
      return member !== undefined && memberIdOf(member.name, member.voterId) === id;
    },
    isLast: (command) => command.kind === 'log-seal' && apply(state(), command).refused === undefined,
  });
  return {
    start: () => log.start(),
    append: (command, done) => log.append(command, done),
    onApplied: (listener) => log.onApplied(listener),
    readBarrier: (done) => log.readBarrier(done),
    leadership: () => log.leadership(),
    onLeadership: (listener) => log.onLeadership(listener),
    members: () => votersOf(state()),
    heard: () => new Set(),
    changeMember: (_change, done) =>
      world.timers.soon(() => done(new EterneError('unsupported', 'a log in etcd has no members'))),
    transferLeadership: (to) => log.transferLeadership(to),
    get trouble() {
      return log.trouble;
    },
    close: (done) => log.close(done),
  };
}

function begin(parts: EngineParts, { epoch, consensus }: LogMarker, image: LogImage, done: Done): void {
  const { world, dir, identity, state } = parts;
  const data = machineImage(new Sessions(), image.state);
  if (consensus.engine === 'embedded') {
    const { index, members } = image;
    const raft = {
      identity: logIdentity(identity, epoch),
      starts: 0,
      hardState: firstState(index),
      snapshot: { index, term: 1, members, data },
      entries: [],
    };
    return createLogFile(world, raftLogPath(dir, epoch), raft, (error) =>
      done(error?.code === 'exists' ? undefined : error),
    );
  }
  return withStore(world, consensus, (store) => {
    if (store instanceof EterneError) return done(store);
    const { clusterId } = identity;
    const { requestMs: timeoutMs } = timesOf(state()).etcd;
    const name = world.random.uuid();
    return beginEpoch({ store, clusterId, epoch, timeoutMs, index: image.index, data, name }, (error) => {
      store.close();
      done(error);
    });
  });
}

function probe({ world, state }: EngineParts, consensus: ConsensusSpec, done: Done): void {
  if (consensus.engine === 'embedded') return world.timers.soon(() => done(undefined));
  return withStore(world, consensus, (store) => {
    if (store instanceof EterneError) return done(store);
    const ask = { compare: [], success: [{ kind: 'range', key: '/eterne/' } as const], failure: [] };
    return store.txn(ask, 2 * timesOf(state()).etcd.requestMs, (answer) => {
      store.close();
      done(answer instanceof EterneError ? answer : undefined);
    });
  });
}

/** Reads the files, loads the client. */
function withStore(world: World, spec: EtcdSpec, done: (result: EtcdStore | EterneError) => void): void {
  let result: EtcdStore | EterneError;
  openStore(world, spec)
    .then((store) => (result = store))
    .catch((error: unknown) => {
      if (!(error instanceof EterneError)) throw error;
      result = error;
    })
    .finally(() => world.timers.soon(() => done(result)));
}

async function openStore(world: World, { endpoints, ca, cert, key }: EtcdSpec): Promise<EtcdStore> {
  const read = (path: string): Promise<Buffer> =>
    new Promise((resolve, reject) =>
      world.files.readFile(path, (content) =>
        Buffer.isBuffer(content)
          ? resolve(content)
          : reject(content ?? new EterneError('not-found', `there is no ${path}`)),
      ),
    );
  const { openGrpcStore } = await import('@eterne/cluster/etcd/store/grpc-store.ts');
  if (ca === null) return openGrpcStore(world, { endpoints, tls: undefined });
  const own = cert === null || key === null ? {} : { cert: await read(cert), key: await read(key) };
  return openGrpcStore(world, { endpoints, tls: { ca: await read(ca), ...own } });
}
