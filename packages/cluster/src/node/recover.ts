/**
 * `eterne cluster recover`: a cluster that has lost the majority of its votes for good is gone on with by one of its nodes, as another cluster.
 *
 *   plan written → log.left-ID kept → log of the new cluster → node.json of the new cluster → plan removed
 *
 * 1. Two histories never meet: the new cluster has another id and another key, so that neither its log, its heartbeats nor its leases can be taken for those of the former one. Terms of
 *    volumes have another grantor: replicas that both wrote find a split brain when they meet (invariants 1 to 4; docs/adr/recovering-as-another-cluster.md).
 * 2. All that this node's log holds counts, also what is not known to be committed: the majority may have committed it.
 * 3. Every step can be repeated: a recovery that was cut short goes on when it is asked for again, with the plan that is there. Between the log and node.json the node does not
 *    start, for its log is not that of its cluster; before, it is the one that it was.
 */
import { EterneError } from '@eterne/base';
import type { Address, Files, World } from '@eterne/runtime';
import { Machine } from '../raft/machine.ts';
import { isVoter, type Members } from '../raft/members.ts';
import { replayLog } from '../raft/replay.ts';
import { readLogFile, replaceLogFile } from '../raft/storage/log-store.ts';
import type { LogImage } from '../raft/storage/recover.ts';
import { keepAside, settleRewind } from '../raft/tie/rewind.ts';
import { settle } from '../pki/settle.ts';
import { apply, emptyState } from '../state/apply.ts';
import { decodeCommand, encodeCommand, encodeState, decodeState } from '../state/codec.ts';
import type { Command } from '../state/commands.ts';
import type { ClusterState } from '../state/model.ts';
import { knownUntilMs, membersBeside, recoveredState, volumesLackedBy } from '../state/recovered.ts';
import { Fields } from './fields.ts';
import {
  CLUSTER_KEY_BYTES,
  readIdentity,
  servicePorts,
  writeIdentity,
  type NodeIdentity,
} from './identity.ts';
import { raftLogPath, recoveryPath, soloRecordPath } from './layout.ts';
import { readMarker, type LogMarker } from './log-marker.ts';
import { logIdentity } from './raft-log.ts';

export interface RecoveryParts {
  readonly world: Pick<World, 'clock' | 'random' | 'files' | 'log'>;
  /** Of the node that goes on. Nobody else may run or change it. */
  readonly dir: string;
  /** All other members, by name: who types them has counted them. */
  readonly without: readonly string[];
  /** Somebody answers there. */
  readonly answers: (address: Address) => Promise<boolean>;
}

export interface Recovery {
  readonly cluster: string;
  readonly node: string;
  readonly clusterId: string;
  readonly without: readonly string[];
  /** Wall clock of the newest decision that the node knows, ms since the epoch. What the others decided later is lost: also that its copy of a volume does not follow any more. */
  readonly knownUntilMs: number;
  /** Volumes of which it has no copy that is known to have everything. */
  readonly lacking: readonly string[];
}

/** DIR/recovery.json, mode 0600: `{"version":1,"clusterId":UUID,"clusterKey":base64}`, of the new cluster. */
type Plan = Pick<NodeIdentity, 'clusterId' | 'clusterKey'>;

interface LogFile {
  readonly path: string;
  readonly epoch: number;
}

interface Replayed {
  readonly image: LogImage;
  readonly state: ClusterState;
  readonly members: Members;
  /** A snapshot of the machine with `state` in the place of its own. */
  readonly snapshotWith: (state: ClusterState) => Buffer;
}

const VERSION = 1;
const MODE = 0o600;

/** The log of the former cluster, kept for whoever wants to know what was decided. */
export const logLeft = (logPath: string, clusterId: string): string => `${logPath}.left-${clusterId}`;

/** Throws `not-found`, `refused`, `unsupported`, `corrupt`, `io`. */
export async function recoverCluster(parts: RecoveryParts): Promise<Recovery> {
  const { world, dir } = parts;
  const { files } = world;
  const identity = await settle<NodeIdentity>((done) => readIdentity(files, dir, done));
  const { epoch, consensus } = await settle<LogMarker>((done) => readMarker(files, dir, done));
  if (identity.role === 'witness')
    throw new EterneError('refused', `${identity.node} is a witness: it carries nothing to go on with`, {
      hint: 'recover the cluster on a node',
    });
  if (consensus.engine === 'etcd')
    throw new EterneError('unsupported', 'the log of this cluster is in etcd, and so are its votes', {
      hint: 'bring etcd back as its own documents say; the nodes go on by themselves then',
    });
  const log: LogFile = { path: raftLogPath(dir, epoch), epoch };
  const begun = await readPlan(files, dir);
  const plan = begun ?? {
    clusterId: world.random.uuid(),
    clusterKey: world.random.bytes(CLUSTER_KEY_BYTES),
  };
  const own = { ...identity, ...plan };
  if (begun === undefined || !(await isLogOf(files, log, own))) {
    const replayed = await requireRecoverable(parts, identity, log);
    await writePlan(files, dir, plan);
    await replaceLog(parts, log, replayed, identity, own);
  }
  await settle((done) => writeIdentity(files, dir, own, done));
  await settle((done) => files.remove(recoveryPath(dir), done));
  const { state } = replay(await readLog(files, log, own));
  return {
    cluster: own.clusterName,
    node: own.node,
    clusterId: own.clusterId,
    without: membersBeside(state, own.node),
    knownUntilMs: knownUntilMs(state),
    lacking: volumesLackedBy(state, own.node),
  };
}

/** Nothing of the node is changed before all that may refuse it was asked. */
async function requireRecoverable(
  parts: RecoveryParts,
  identity: NodeIdentity,
  log: LogFile,
): Promise<Replayed> {
  const { world, dir, without } = parts;
  const rewind = {
    world,
    recordPath: soloRecordPath(dir),
    logPath: log.path,
    identity: identityOf(identity, log),
  };
  await settle((done) => settleRewind(rewind, done));
  const replayed = replay(await readLog(world.files, log, identity));
  const refusal = refusalOf(identity, log, replayed, without);
  if (refusal) throw refusal;
  await requireSilent(parts, replayed.state, identity.node);
  return replayed;
}

function refusalOf(
  identity: NodeIdentity,
  log: LogFile,
  { state, members }: Replayed,
  without: readonly string[],
): EterneError | undefined {
  const { node } = identity;
  if (!isVoter(members, identityOf(identity, log).member))
    return new EterneError('refused', `${node} does not vote in the cluster's log, and may lack most of it`, {
      hint: 'recover the cluster on a node that votes',
    });
  if (state.log.phase !== 'steady')
    return new EterneError(
      'refused',
      'the ordered log was on its way to another place when the cluster was lost',
      { hint: 'recover the cluster on a node on which that is over, or bring a majority back' },
    );
  const others = membersBeside(state, node);
  if (others.length === 0)
    return new EterneError('refused', `${node} is the only member: there is nobody to go on without`);
  if (sameNames(others, without)) return undefined;
  return new EterneError('refused', `the other members of this cluster are ${others.join(', ')}`, {
    hint: `if each of them is lost, or stopped to join anew: --without ${others.join(',')}`,
  });
}

const sameNames = (some: readonly string[], others: readonly string[]): boolean =>
  some.toSorted().join(' ') === others.toSorted().join(' ');

/** Who lives could go on, and would not know that somebody else does. */
async function requireSilent(
  { answers }: RecoveryParts,
  { members }: ClusterState,
  node: string,
): Promise<void> {
  for (const other of membersBeside({ members }, node))
    for (const address of members[other]?.addresses ?? [])
      if (await answers(servicePorts(address).raft))
        throw new EterneError('refused', `${other} runs: it answers at ${address}`, {
          hint: `with ${other} the cluster may have its majority; else stop it, and let it join anew afterwards`,
        });
}

async function replaceLog(
  { world }: RecoveryParts,
  log: LogFile,
  { image, state, snapshotWith }: Replayed,
  left: NodeIdentity,
  own: NodeIdentity,
): Promise<void> {
  const { files, clock } = world;
  await settle((done) => keepAside(files, log.path, logLeft(log.path, left.clusterId), done));
  const { node, clusterId } = own;
  const recovered = recoveredState(state, { node, clusterId, atMs: clock.wallMs() });
  const identity = identityOf(own, log);
  const index = image.snapshot.index + image.entries.length;
  const { term, holdMs } = image.hardState;
  const next: LogImage = {
    identity,
    starts: image.starts,
    hardState: { term: term + 1, vote: undefined, commit: index, holdMs },
    snapshot: {
      index,
      term,
      members: [{ id: identity.member, role: 'voter' }],
      data: snapshotWith(recovered),
    },
    entries: [],
  };
  await settle((done) => replaceLogFile(world, log.path, next, done));
}

function identityOf(identity: NodeIdentity, { epoch }: LogFile): LogImage['identity'] {
  return logIdentity(identity, epoch);
}

function readLog(files: Files, log: LogFile, identity: NodeIdentity): Promise<LogImage> {
  return settle((done) => readLogFile(files, log.path, identityOf(identity, log), done));
}

async function isLogOf(files: Files, log: LogFile, identity: NodeIdentity): Promise<boolean> {
  try {
    await readLog(files, log, identity);
    return true;
  } catch (error) {
    if (error instanceof EterneError && error.code === 'refused') return false;
    throw error;
  }
}

function replay(image: LogImage): Replayed {
  let state = emptyState();
  const machine = new Machine<Command>({
    encode: (command) => encodeCommand(command, state.level),
    decode: (bytes) => decodeCommand(bytes, state.level),
    takeSnapshot: () => encodeState(state),
    restoreSnapshot: (bytes) => (state = decodeState(bytes)),
    stopped: (error) => {
      throw error;
    },
  });
  machine.onApplied((command) => ({ state } = apply(state, command)));
  const members = replayLog(image, machine);
  return {
    image,
    state,
    members,
    snapshotWith: (instead) => {
      state = instead;
      return machine.snapshot();
    },
  };
}

async function readPlan(files: Files, dir: string): Promise<Plan | undefined> {
  const content = await settle<Buffer | undefined>((done) => files.readFile(recoveryPath(dir), done));
  if (content === undefined) return undefined;
  const fields = Fields.parse('recovery.json', content);
  const version = fields.integer('version');
  if (version !== VERSION)
    throw new EterneError(
      'unsupported',
      `recovery.json has version ${version}; this program knows ${VERSION}`,
    );
  const clusterId = fields.text('clusterId');
  const clusterKey = Buffer.from(fields.text('clusterKey'), 'base64');
  fields.end();
  return { clusterId, clusterKey };
}

function writePlan(files: Files, dir: string, { clusterId, clusterKey }: Plan): Promise<void> {
  const document = { version: VERSION, clusterId, clusterKey: clusterKey.toString('base64') };
  const content = Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
  return settle((done) => files.writeFileAtomic(recoveryPath(dir), content, MODE, done));
}
