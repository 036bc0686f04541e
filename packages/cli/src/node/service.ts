/** Puts a node's service together: the ordered log, the replicated state and its decisions, the API. For the daemon and for a witness. */
import { join } from 'node:path';
import { EterneError } from '@eterne/base';
import { logIdentity } from '@eterne/cluster/node/raft-log.ts';
import {
  raftLogPath,
  soloRecordPath,
  tieRecordPath,
  volumeSocketPath,
  volumesFolder,
} from '@eterne/cluster/node/layout.ts';
import { IdentityKeeper } from '@eterne/cluster/node/identity-keeper.ts';
import type { NodeIdentity } from '@eterne/cluster/node/identity.ts';
import { termIn } from '@eterne/cluster/node/epochs.ts';
import { LogAddresses, logPort } from '@eterne/cluster/node/log-addresses.ts';
import { readMarker } from '@eterne/cluster/node/log-marker.ts';
import { LogSwitch, type LogEngine } from '@eterne/cluster/node/log-switch.ts';
import { VoterKeeper, type MakeTie, type Observation, type VotersLog } from '@eterne/cluster/node/voters.ts';
import { NO_DROPS, type DropCounts, type DropReason } from '@eterne/cluster/heart/drops.ts';
import type { HeartSetup } from '@eterne/cluster/heart/setup.ts';
import type { HeartPort, MonitorPort } from '@eterne/cluster/ports.ts';
import { openEmbeddedLog, type EmbeddedLog } from '@eterne/cluster/raft/embedded-log.ts';
import { prepareTie } from '@eterne/cluster/raft/tie/tie-driver.ts';
import type { Half } from '@eterne/cluster/raft/tie/lineage.ts';
import type { Provers } from '@eterne/cluster/raft/tie/proof-player.ts';
import { settleRewind } from '@eterne/cluster/raft/tie/rewind.ts';
import { proofTieId, soloTieId, tieId } from '@eterne/cluster/raft/tie/tie-id.ts';
import { NO_TIE_SEEN, TieTransport } from '@eterne/cluster/raft/tie/tie-transport.ts';
import { openTcpTransport, type TcpTransport } from '@eterne/cluster/raft/transport/tcp-transport.ts';
import { tellHeart } from '@eterne/cluster/service/heart-setup.ts';
import { followPlace } from '@eterne/cluster/service/own-place.ts';
import { Steward } from '@eterne/cluster/service/leader/steward.ts';
import { GivingWay } from '@eterne/cluster/service/pair/giving-way.ts';
import { PingWatch } from '@eterne/cluster/service/pair/ping-watch.ts';
import type { Members } from '@eterne/cluster/raft/members.ts';
import type { MemberId } from '@eterne/cluster/raft/types.ts';
import { proveStopped } from '@eterne/cluster/service/pair/prover.ts';
import { Service, type PairPort } from '@eterne/cluster/service/service.ts';
import { timesOf } from '@eterne/cluster/service/timing.ts';
import type { View } from '@eterne/cluster/service/view.ts';
import type { Command } from '@eterne/cluster/state/commands.ts';
import { LEVELS } from '@eterne/cluster/state/levels.ts';
import { prefersAvailability, type ClusterState } from '@eterne/cluster/state/model.ts';
import type { ConnectDisk } from '@eterne/cluster/heart/disk-leases.ts';
import type { World } from '@eterne/runtime';
import { nodeSharedDisks } from '@eterne/runtime/node/shared-disk.ts';
import { makeEngines, type Opening } from './log-engines.ts';

export interface ServiceParts {
  readonly world: World;
  readonly dir: string;
  readonly startId: string;
  readonly identity: NodeIdentity;
  readonly heart: HeartPort;
  readonly monitor: MonitorPort;
  /** Absent on a witness. */
  readonly connectDisk?: ConnectDisk;
  /** What the heart has to know, at once and on every change. */
  readonly onSetup: (setup: HeartSetup) => void;
  /** The service has to begin anew, with the log that it finds. Absent on a witness, which is in no such pair. */
  readonly onRejoin?: () => void;
  /** The log holds what this program cannot understand: the node is to end. */
  readonly onStopped: (error: EterneError) => void;
}

/** Calls back when the service takes part in the cluster. */
export function startService(parts: ServiceParts, done: (result: Service | EterneError) => void): void {
  const { world, dir, identity } = parts;
  let tied: TieTransport | undefined;
  let tcpDropped = (): DropCounts => NO_DROPS;
  const pair: PairPort = {
    tie: () => (service.state.log.consensus.engine === 'embedded' ? tied?.tie : undefined),
    takeByWord: (how, acceptLoss, answer) => {
      if (tied) tied.takeByWord(how, acceptLoss, answer);
      else world.timers.soon(() => answer(new EterneError('no-quorum', 'this node’s log needs no word')));
    },
  };
  const service = makeService(
    parts,
    pair,
    () => tcpDropped(),
    () => log.voters(),
  );
  const engines = makeEngines({
    world,
    dir,
    identity,
    state: () => service.state,
    openEmbedded: (opening, opened) =>
      openEmbedded(
        parts,
        service,
        opening,
        {
          onTie: (transport) => (tied = transport),
          onTcp: (tcp) => (tcpDropped = () => tcp.dropped),
        },
        opened,
      ),
  });
  const state = (): ClusterState => service.state;
  const log = new LogSwitch({ world, self: identity.node, engines, subject: service.subject, state });
  readMarker(world.files, dir, (marker) => {
    if (marker instanceof EterneError) return done(marker);
    service.start(log);
    log.open(marker, (error) => {
      if (error) return done(error);
      const observe = (): Observation => ({
        state: service.state,
        alive: service.view.alive,
        ...(tied?.seen ?? NO_TIE_SEEN),
      });
      const newTies = {
        onDisk: makeTieWith(world, service.core.view),
        proof: () => proofTieId(world.random.uuid()),
        solo: () => soloTieId(world.random.uuid()),
      };
      new VoterKeeper(world.timers, votersLog(log, logIdentity(identity).member), observe, newTies);
      new Steward(world.timers, log, () => service.view);
      if (parts.onRejoin)
        new GivingWay({
          world,
          tie: () => tied?.tie,
          leave: (timeoutMs, left) => service.leave(timeoutMs, left),
          hasLetGo: () => service.core.hasLetGo(),
          giveWay: (given) => tied?.giveWay(given),
          restart: parts.onRejoin,
        });
      done(service);
    });
  });
}

/** Nobody changes the voters of a log that is not in the nodes. */
function votersLog(log: LogSwitch, self: MemberId): VotersLog {
  return {
    self,
    leadership: () => ({ isLeader: log.voters().length > 0 && log.leadership().isLeader }),
    members: () => log.voters(),
    heard: () => log.heard(),
    readBarrier: (done) => log.readBarrier(done),
    changeMember: (change, done) => log.changeMember(change, done),
    transferLeadership: (to) => log.transferLeadership(to),
  };
}

interface Transports {
  /** As long as this log is open. */
  readonly onTie: (transport: TieTransport | undefined) => void;
  readonly onTcp: (transport: TcpTransport) => void;
}

function openEmbedded(
  parts: ServiceParts,
  service: Service,
  { epoch, subject, isOver }: Opening,
  { onTie, onTcp }: Transports,
  done: (result: LogEngine | EterneError) => void,
): void {
  const { world, dir, identity } = parts;
  const own = logIdentity(identity, epoch);
  const timing = () => timesOf(service.state).raft;
  const addresses = new LogAddresses(identity.seeds, () => service.view);
  service.onState(() => addresses.learn());
  const transportOptions = {
    world,
    cluster: own.cluster,
    clusterKey: identity.clusterKey,
    self: own.member,
    timing,
    addressesOf: (member: string) => addresses.of(member),
    tls: identity.tls,
  };
  const listenOn = identity.addresses.map(logPort);
  openTcpTransport(transportOptions, listenOn, (tcp) => {
    if (tcp instanceof EterneError) return done(tcp);
    onTcp(tcp);
    const unfollow = followPlace(service, ({ addresses }) => tcp.relisten(addresses.map(logPort)));
    const path = raftLogPath(dir, epoch);
    let log: EmbeddedLog<Command> | undefined;
    const pings = new PingWatch({
      world,
      monitor: parts.monitor,
      addresses: () => pingAddresses(service.state),
      isWhole: () => isWhole(service.view),
    });
    const onDrop = (reason: DropReason): void => tcp.drop(reason);
    const transport = new TieTransport(tcp, {
      ...transportOptions,
      disks: nodeSharedDisks,
      path: () => tieDevice(service.state),
      isVetoed: () => pings.isVetoed,
      proof: {
        files: world.files,
        recordPath: tieRecordPath(dir),
        provers: proversFor(parts, service, (answer) => log?.readBarrier(answer)),
        solo: {
          recordPath: soloRecordPath(dir),
          logPath: path,
          begin: () => newHalf(parts, service.state),
        },
      },
      log: () => log?.status(),
      behindSinceMs: () => log?.behindSinceMs() ?? Number.POSITIVE_INFINITY,
      onDrop,
    });
    const close = (): void => {
      unfollow();
      pings.close();
      transport.close();
    };
    const length = isOver ? { compactAfterEntries: Infinity, compactAfterBytes: Infinity } : {};
    const options = {
      world,
      path,
      identity: own,
      timing,
      transport,
      onDrop,
      subject,
      ...length,
    };
    const finish = (opened: EmbeddedLog<Command> | EterneError): void => {
      if (opened instanceof EterneError) {
        close();
        return done(opened);
      }
      log = opened;
      onTie(transport);
      done(
        engineOf(opened, epoch, () => {
          onTie(undefined);
          close();
        }),
      );
    };
    const rewind = { world, recordPath: soloRecordPath(dir), logPath: path, identity: own };
    settleRewind(rewind, (error) => (error ? finish(error) : openEmbeddedLog(options, finish)));
  });
}

function engineOf(log: EmbeddedLog<Command>, epoch: number, onClose: () => void): LogEngine {
  return {
    start: () => log.start(),
    append: (command, done) => log.append(command, done),
    onApplied: (listener) => log.onApplied(listener),
    readBarrier: (done) => log.readBarrier(done),
    leadership: () => {
      const known = log.leadership();
      return { ...known, raftTerm: termIn(epoch, known.raftTerm) };
    },
    onLeadership: (listener) => log.onLeadership(listener),
    members: () => log.members(),
    heard: () => log.heard(),
    changeMember: (change, done) => log.changeMember(change, done),
    transferLeadership: (to) => log.transferLeadership(to),
    get trouble() {
      return log.trouble;
    },
    close: (done) => {
      onClose();
      log.close(done);
    },
  };
}

function tieDevice({ config: { tieBreaker } }: ClusterState): string | undefined {
  return tieBreaker.kind === 'disk' ? tieBreaker.device : undefined;
}

function pingAddresses({ config }: ClusterState): readonly string[] {
  if (prefersAvailability(config)) return config.ping;
  return 'ping' in config.tieBreaker ? config.tieBreaker.ping : [];
}

/** Of a pair that prefers availability: this node goes on alone from now on. */
function newHalf({ world, identity }: ServiceParts, state: ClusterState): Omit<Half, 'knowsAll'> {
  const { node } = identity;
  const groups = Object.values(state.groups).filter(({ owner }) => owner === node).length;
  return { id: world.random.uuid(), node, groups, atMs: world.clock.wallMs() };
}

/** Before the heart has spoken nobody is missed. */
function isWhole({ alive, state }: View): boolean {
  return alive === undefined || Object.keys(state.members).every((name) => alive.has(name));
}

function proversFor(
  { world, identity, monitor }: ServiceParts,
  service: Service,
  barrier: Provers['barrier'],
): Provers {
  const isLost = (node: string): boolean => service.view.alive?.has(node) === false;
  const prover = { world, self: identity.node, monitor, state: () => service.state, isLost };
  return {
    isLost,
    barrier,
    prove: (tie, node, isSought, done) => proveStopped(prover, tie, node, isSought, done),
  };
}

/** It is tried again and again: what is in the way is logged once. */
function makeTieWith(world: World, view: Pick<View, 'tieTrouble'>): MakeTie {
  return (device, owners, done) => {
    const id = tieId(world.random.uuid());
    prepareTie(nodeSharedDisks, device, id, owners, (error) => {
      const trouble =
        error && (error.hint === undefined ? error.message : `${error.message} (${error.hint})`);
      if (trouble !== undefined && trouble !== view.tieTrouble)
        world.log('error', `the tie-breaker cannot be made: ${trouble}`);
      view.tieTrouble = trouble;
      done(error ?? id);
    });
  };
}

function makeService(
  parts: ServiceParts,
  pair: PairPort,
  logDropped: () => DropCounts,
  logMembers: () => Members,
): Service {
  const { world, dir, startId, identity, heart, monitor, connectDisk, onSetup, onStopped } = parts;
  const { node, role, addresses, api, voterId, clusterName, clusterId, founder } = identity;
  const member = { name: node, role, addresses, api, voterId, level: LEVELS.program };
  const service = new Service({
    world,
    heart,
    monitor,
    self: node,
    life: voterId,
    startId,
    pair,
    logMembers,
    logDropped,
    onStopped,
    places: {
      metadataPath: (volume, created) => join(volumesFolder(dir), `${volume}.${created}.meta`),
      rescuePath: (volume, created) => join(volumesFolder(dir), `${volume}.${created}.rescue`),
      exportAddress: (volume) => `unix:${volumeSocketPath(dir, volume)}`,
    },
    ...(connectDisk === undefined ? {} : { connectDisk }),
    ...(founder ? { founding: { cluster: clusterName, clusterId, member } } : {}),
  });
  tellHeart(service, onSetup);
  const keeper = new IdentityKeeper(world, dir, identity);
  service.onState(() => service.view.caughtUp && keeper.follow(service.state));
  return service;
}
