import { assert, EterneError } from '@eterne/base';
import { Heart } from '@eterne/cluster/heart/heart.ts';
import { HeartClient } from '@eterne/cluster/heart/client.ts';
import { DiskLeases } from '@eterne/cluster/heart/disk-leases.ts';
import { Reaper } from '@eterne/cluster/heart/reaper.ts';
import { serveHeart } from '@eterne/cluster/heart/server.ts';
import { MonitorClient } from '@eterne/cluster/monitor/client.ts';
import { Monitor } from '@eterne/cluster/monitor/monitor.ts';
import { serveMonitor } from '@eterne/cluster/monitor/server.ts';
import { LogAddresses } from '@eterne/cluster/node/log-addresses.ts';
import {
  DAEMON_NAMES,
  type DaemonName,
  socketAddress,
  soloRecordPath,
  tieRecordPath,
  volumeSocketPath,
} from '@eterne/cluster/node/layout.ts';
import { readSetup, writeSetup } from '@eterne/cluster/node/setup-file.ts';
import { type Observation, VoterKeeper } from '@eterne/cluster/node/voters.ts';
import { firstImage, openEmbeddedLog, type EmbeddedLog } from '@eterne/cluster/raft/embedded-log.ts';
import type { LogIdentity } from '@eterne/cluster/raft/storage/format.ts';
import { createLogFile } from '@eterne/cluster/raft/storage/log-store.ts';
import type { Half } from '@eterne/cluster/raft/tie/lineage.ts';
import type { MemberChange, Members } from '@eterne/cluster/raft/members.ts';
import type { Provers } from '@eterne/cluster/raft/tie/proof-player.ts';
import { settleRewind } from '@eterne/cluster/raft/tie/rewind.ts';
import { prepareTie } from '@eterne/cluster/raft/tie/tie-driver.ts';
import { proofTieId, soloTieId, tieId } from '@eterne/cluster/raft/tie/tie-id.ts';
import { NO_TIE_SEEN, TieTransport, type TieSeen } from '@eterne/cluster/raft/tie/tie-transport.ts';
import type { RaftTransport } from '@eterne/cluster/raft/transport/port.ts';
import { openTcpTransport } from '@eterne/cluster/raft/transport/tcp-transport.ts';
import { memberIdOf, type MemberId } from '@eterne/cluster/raft/types.ts';
import { GivingWay } from '@eterne/cluster/service/pair/giving-way.ts';
import { proveStopped } from '@eterne/cluster/service/pair/prover.ts';
import { tellHeart } from '@eterne/cluster/service/heart-setup.ts';
import { Steward } from '@eterne/cluster/service/leader/steward.ts';
import { Service } from '@eterne/cluster/service/service.ts';
import { timesOf } from '@eterne/cluster/service/timing.ts';
import type { Command } from '@eterne/cluster/state/commands.ts';
import { LEVELS, type Levels } from '@eterne/cluster/state/levels.ts';
import type { ClusterState } from '@eterne/cluster/state/model.ts';
import type { DiskPort } from '@eterne/disk/process/port.ts';
import type { FileSystems, SharedDisks } from '@eterne/runtime';
import type { SimNode } from '../world/node.ts';
import type { SimProcess } from '../world/process.ts';
import { processTreesOf } from '../world/processes.ts';
import type { SimSharedDisk } from '../world/shared-disk.ts';
import { DiskDaemon } from './disk-daemon.ts';
import { openDiskPort } from './disk-port.ts';
import {
  addressOf,
  CLUSTER_ID,
  CLUSTER_KEY,
  DIR,
  lifeOf,
  memberAddressOf,
  type Place,
  RAFT_LOG_PATH,
  replicationAddressOf,
  PROOF_TIE_ID,
  SOLO_TIE_ID,
  TIE_ID,
  TIE_PATH,
} from './places.ts';
import { type ProgramStarter, spawnerFor } from './spawner.ts';
import { asOlder } from './upgrade.ts';

const RESTART_MS = [20, 600] as const;
const INSTALL_AGAIN_MS = 500;

/** What breaks the ties of a pair: a disk that both reach, a proof that the other has stopped, or its silence. */
export type Tie = SimSharedDisk | 'proof' | 'solo';

const NO_DISKS: SharedDisks = {
  open: (_path, done) => done(new EterneError('not-found', 'this pair shares no disk')),
};

/** What the scenario wants to hear of a machine. */
export interface MachineEvents {
  /** An entry of the ordered log was applied here. */
  applied(machine: Machine, index: number, command: Command, state: ClusterState): void;
  /** Its log has stopped: it holds what the machine's program cannot understand. */
  stopped(machine: Machine, error: EterneError): void;
  /** A daemon begins. */
  readonly started?: (machine: Machine, process: SimProcess) => void;
  /** A disk process has opened, or a volume's status has changed. */
  diskChanged(machine: Machine): void;
  readonly startProgram: ProgramStarter;
}

/** Of a machine in a cluster whose members come and go. */
export interface Joining {
  /** It begins the log; everybody else is added to it. */
  readonly isFounder: boolean;
  /** Whoever leads has begun a change of the log's members, or has refused to. `before`: its members until then. */
  changing(machine: Machine, change: MemberChange, before: Members): void;
  /** Its log cannot be read: its service ends. */
  logRefused(machine: Machine, error: EterneError): void;
  /** The disk of a tie-breaker holds what must not be overwritten. */
  tieRefused(machine: Machine, error: EterneError): void;
}

export interface MachineOptions {
  /** When the log is made short; usually later than a seed ends. */
  readonly compactAfterEntries?: number;
  /** Absent: the members are `places`, all of them from the first moment on. */
  readonly joining?: Joining;
}

/**
 * One simulated server with its four daemons as production composes them: real heart, monitor, service and engine on simulated ports,
 * talking through their real sockets (the disk process: through `disk-port.ts`). Its launcher restarts what dies.
 */
export class Machine {
  readonly node: SimNode;
  readonly place: Place;
  disk: DiskDaemon | undefined;
  service: Service | undefined;
  log: EmbeddedLog<Command> | undefined;
  /** What its program knows. */
  levels = LEVELS;
  private isBegun = false;
  /** Not before it has a log. */
  private isInstalled = false;
  private isEnded = false;
  private places: readonly Place[];
  private readonly events: MachineEvents;
  private readonly tie: Tie | undefined;
  private readonly options: MachineOptions;
  private transport: TieTransport | undefined;
  private readonly daemons = new Map<DaemonName, SimProcess>();
  private startId = '';
  private startedBoot = 0;

  constructor(
    node: SimNode,
    place: Place,
    places: readonly Place[],
    events: MachineEvents,
    tie: Tie | undefined,
    options: MachineOptions = {},
  ) {
    this.tie = tie;
    this.options = options;
    this.node = node;
    this.place = place;
    this.places = places;
    this.events = events;
  }

  /** The log's name of it. */
  get member(): MemberId {
    return memberIdOf(this.place.name, lifeOf(this.place));
  }

  /** Nobody has made it a member yet. */
  get isBlank(): boolean {
    return !this.isBegun;
  }

  /** Writes the empty log of a member, then starts everything. `places`: whom it knows, itself among them. */
  install(places = this.places): void {
    this.isBegun = true;
    this.places = places;
    const again = (): unknown => this.node.universe.scheduler.after(INSTALL_AGAIN_MS, () => this.install());
    if (!this.node.poweredOn) return void again();
    const setup = this.node.start('setup');
    const identity = { cluster: CLUSTER_ID, member: this.member };
    const image = firstImage(
      identity,
      this.firstVoters().map((id) => ({ id, role: 'voter' })),
    );
    // Whoever joins and is killed on the way begins again.
    setup.onDeath(() => this.isInstalled || again());
    createLogFile(setup.world, RAFT_LOG_PATH, image, (error) => {
      const isThere = error === undefined || error.code === 'exists';
      assert(isThere || this.options.joining !== undefined, 'a new log can be written');
      this.isInstalled = isThere;
      setup.crash();
      this.keepAlive();
    });
    return undefined;
  }

  private firstVoters(): MemberId[] {
    const { joining } = this.options;
    if (joining) return joining.isFounder ? [this.member] : [];
    const voters = this.places.map((place) => memberIdOf(place.name, lifeOf(place)));
    return this.tie === undefined ? voters : [...voters, idOf(this.tie)];
  }

  /** Starts, after a moment, whatever is not running. */
  keepAlive(): void {
    if (!this.node.poweredOn || this.isEnded || !this.isInstalled) return;
    if (this.startedBoot !== this.node.boots) {
      this.startedBoot = this.node.boots;
      this.startId = this.node.random.uuid();
    }
    const names = this.place.role === 'witness' ? (['service', 'heart'] as const) : DAEMON_NAMES;
    for (const name of names) if (this.daemons.get(name)?.alive !== true) this.startDaemon(name);
  }

  /** The node ends, and is started again with another program. */
  exchange(levels: Levels): void {
    this.end();
    this.isEnded = false;
    this.levels = levels;
    this.startId = this.node.random.uuid();
    this.node.universe.trace.line(this.place.name, `gets a program of level ${levels.program}`);
    this.node.universe.scheduler.after(this.node.random.between(...RESTART_MS), () => this.keepAlive());
  }

  /** The launcher dies, and everything with it. */
  end(): void {
    this.isEnded = true;
    for (const process of Array.from(this.node.processes)) process.crash();
  }

  get processes(): readonly SimProcess[] {
    return [...this.daemons.values()].filter(({ alive }) => alive);
  }

  process(name: DaemonName): SimProcess | undefined {
    const process = this.daemons.get(name);
    return process?.alive === true ? process : undefined;
  }

  /** How its service sees what breaks the pair's ties. */
  get tieSeen(): TieSeen | undefined {
    return this.process('service') && this.transport?.tie;
  }

  private startDaemon(name: DaemonName): void {
    const process = this.node.start(name);
    this.daemons.set(name, process);
    this.events.started?.(this, process);
    process.onDeath(() => {
      this.node.universe.scheduler.after(this.node.random.between(...RESTART_MS), () => this.keepAlive());
    });
    process.later(0, () => {
      switch (name) {
        case 'heart':
          return this.runHeart(process);
        case 'monitor':
          return this.runMonitor(process);
        case 'service':
          return this.runService(process);
        case 'disk':
          return this.runDisk(process);
      }
    });
  }

  private runHeart(process: SimProcess): void {
    const world = { ...process.world, processTrees: processTreesOf(process) };
    const { role, name } = this.place;
    const heart = new Heart(world, {
      node: name,
      life: lifeOf(this.place),
      clusterKey: CLUSTER_KEY,
      addresses: [addressOf(this.place)],
      asksForLeases: role === 'node',
    });
    const reaper = new Reaper(world, () => undefined);
    if (role === 'node') {
      const leases = new DiskLeases(world.timers, (done) => this.connectDisk(process, done));
      heart.onLease((table) => leases.leased(table));
    }
    heart.open((error) => {
      assert(error === undefined, `the heart's address is free: ${error?.message}`);
      readSetup(world.files, DIR, this.places.map(memberAddressOf), (setup) => heart.configure(setup));
      serveHeart(
        world,
        socketAddress(DIR, 'heart'),
        {
          heart,
          reaper,
          onSetup: (setup) => {
            heart.configure(setup);
            writeSetup(world, DIR, setup);
          },
        },
        (listener) => assert(!(listener instanceof EterneError), 'the heart’s socket is free'),
      );
    });
  }

  private runMonitor(process: SimProcess): void {
    // No addresses move in here, so nobody has anything to announce.
    const frames = { send: () => undefined };
    const directories = { usersOf: () => [], killUsersOf: () => [] };
    const interfaces = { running: () => new Map() };
    const world = { ...process.world, processTrees: processTreesOf(process) };
    const heart = new HeartClient(world, socketAddress(DIR, 'heart'));
    const spawner = spawnerFor(process, this.events.startProgram);
    const fileSystems: FileSystems = { room: (_path, done) => world.timers.soon(() => done('2 1 1 2 1')) };
    const hands = {
      world,
      spawner,
      frames,
      directories,
      interfaces,
      fileSystems,
      node: this.place.name,
      dir: DIR,
    };
    const monitor = new Monitor(hands, heart);
    monitor.open((error) => {
      assert(error === undefined, `the monitor's record can be read: ${error?.message}`);
      serveMonitor(world, socketAddress(DIR, 'monitor'), monitor, (listener) =>
        assert(!(listener instanceof EterneError), 'the monitor’s socket is free'),
      );
    });
  }

  private runDisk(process: SimProcess): void {
    const daemon = new DiskDaemon(process);
    this.disk = daemon;
    daemon.changeListeners.add(() => this.events.diskChanged(this));
    daemon.listenAt([replicationAddressOf(this.place)]);
  }

  private runService(process: SimProcess): void {
    const { world } = process;
    const { name, role } = this.place;
    const heart = new HeartClient(world, socketAddress(DIR, 'heart'));
    const monitor = new MonitorClient(world, socketAddress(DIR, 'monitor'));
    this.transport = undefined;
    const service = new Service({
      self: name,
      life: lifeOf(this.place),
      startId: this.startId,
      places: {
        metadataPath: (volume, created) => `${DIR}/volumes/${volume}-${created}.meta`,
        rescuePath: (volume, created) => `${DIR}/volumes/${volume}-${created}.rescue`,
        exportAddress: (volume) => `unix:${volumeSocketPath(DIR, volume)}`,
      },
      world,
      heart,
      monitor,
      levels: this.levels,
      onStopped: (error) => this.events.stopped(this, error),
      pair: {
        tie: () => this.transport?.tie,
        takeByWord: (_how, _acceptLoss, done) =>
          process.later(0, () => done(new EterneError('refused', 'nobody gives his word here'))),
      },
      ...(role === 'node'
        ? { connectDisk: (done: (result: DiskPort | EterneError) => void) => this.connectDisk(process, done) }
        : {}),
    });
    tellHeart(service, (setup) => {
      const isWhole = this.options.joining !== undefined || setup.members.length === this.places.length;
      if (isWhole) heart.configure(setup);
    });
    this.service = service;
    this.log = undefined;
    this.openLog(process, service, monitor);
  }

  private openLog(process: SimProcess, service: Service, monitor: MonitorClient): void {
    const { world } = process;
    const { compactAfterEntries } = this.options;
    const self = this.member;
    const addresses = new LogAddresses(this.places.map(memberAddressOf), () => service.view);
    service.onState(() => addresses.learn());
    openTcpTransport(
      {
        world,
        cluster: CLUSTER_ID,
        clusterKey: CLUSTER_KEY,
        self,
        timing: () => timesOf(service.state).raft,
        addressesOf: (member) => addresses.of(member),
      },
      [addressOf(this.place)],
      (tcp) => {
        assert(!(tcp instanceof EterneError), 'the log’s address is free');
        const transport = this.withTie(process, tcp, service, monitor);
        const identity = { cluster: CLUSTER_ID, member: self };
        this.withLogPutBack(process, identity, () =>
          openEmbeddedLog<Command>(
            {
              world,
              path: RAFT_LOG_PATH,
              identity,
              timing: () => timesOf(service.state).raft,
              transport,
              subject: asOlder(service.subject, this.levels, (what) =>
                this.node.universe.violate('level', `${this.place.name}: ${what}`),
              ),
              ...(compactAfterEntries === undefined ? {} : { compactAfterEntries }),
            },
            (log) => {
              if (log instanceof EterneError) return this.refuseLog(log);
              this.log = log;
              if (this.options.joining) this.keepVoters(process, service, log, this.options.joining);
              service.start(log);
              log.onApplied((command, index) => this.events.applied(this, index, command, service.state));
              log.start();
              if (this.tie === 'solo') this.watchHalves(process, service);
            },
          ),
        );
      },
    );
  }

  private refuseLog(error: EterneError): void {
    assert(this.options.joining !== undefined, `the log can be read: ${error.message}`);
    this.options.joining.logRefused(this, error);
    // The launcher ends the node.
    this.end();
  }

  /** As production puts it together: packages/cli/src/node/service.ts. */
  private keepVoters(
    process: SimProcess,
    service: Service,
    log: EmbeddedLog<Command>,
    joining: Joining,
  ): void {
    const { world } = process;
    const { universe } = this.node;
    const disks = this.sharedDisksFor(process);
    const voters = {
      self: log.status().id,
      leadership: () => log.leadership(),
      members: () => log.members(),
      heard: () => log.heard(),
      readBarrier: (done: (error: EterneError | undefined) => void) => log.readBarrier(done),
      changeMember: (change: MemberChange, done: (error: EterneError | undefined) => void) => {
        universe.trace.line(this.node.name, `begins ${change.kind} ${change.id}`);
        const before = log.members();
        log.changeMember(change, done);
        joining.changing(this, change, before);
      },
      transferLeadership: (to: MemberId) => {
        universe.trace.line(this.node.name, `hands leadership over to ${to}, to be removed by it`);
        return log.transferLeadership(to);
      },
    };
    const observe = (): Observation => ({
      state: service.state,
      alive: service.view.alive,
      ...(this.transport?.seen ?? NO_TIE_SEEN),
    });
    new VoterKeeper(world.timers, voters, observe, {
      onDisk: (device, owners, done) => {
        const id = tieId(world.random.uuid());
        prepareTie(disks, device, id, owners, (error) => {
          if (error) joining.tieRefused(this, error);
          done(error ?? id);
        });
      },
      proof: () => proofTieId(world.random.uuid()),
      solo: () => soloTieId(world.random.uuid()),
    });
    new Steward(world.timers, log, () => service.view);
  }

  /** What the start of a node does first where it may have gone on alone. A service that cannot is started again. */
  private withLogPutBack(process: SimProcess, identity: LogIdentity, next: () => void): void {
    if (this.tie !== 'solo') return next();
    const { world } = process;
    const paths = { recordPath: soloRecordPath(DIR), logPath: RAFT_LOG_PATH };
    return settleRewind({ world, ...paths, identity }, (error) => (error ? process.crash() : next()));
  }

  private watchHalves({ world }: SimProcess, service: Service): void {
    new GivingWay({
      world,
      tie: () => this.transport?.tie,
      leave: (timeoutMs, left) => service.leave(timeoutMs, left),
      hasLetGo: () => service.core.hasLetGo(),
      giveWay: (given) => this.transport?.giveWay(given),
      restart: () => this.process('service')?.crash(),
    });
  }

  /** This machine goes on alone from now on. */
  private newHalf({ world }: SimProcess, { groups }: ClusterState): Omit<Half, 'knowsAll'> {
    const { name } = this.place;
    const owned = Object.values(groups).filter(({ owner }) => owner === name).length;
    return { id: world.random.uuid(), node: name, groups: owned, atMs: world.clock.wallMs() };
  }

  private withTie(
    process: SimProcess,
    transport: RaftTransport,
    service: Service,
    monitor: MonitorClient,
  ): RaftTransport {
    if (this.tie === undefined) return transport;
    const { world } = process;
    const isLost = (node: string): boolean => service.view.alive?.has(node) === false;
    const prover = { world, self: this.place.name, monitor, state: () => service.state, isLost };
    const provers: Provers = {
      isLost,
      barrier: (done) => service.readBarrier(done),
      prove: (tie, node, isSought, done) => proveStopped(prover, tie, node, isSought, done),
    };
    this.transport = new TieTransport(transport, {
      world,
      disks: this.sharedDisksFor(process),
      self: this.member,
      timing: () => timesOf(service.state).raft,
      path: () => TIE_PATH,
      log: () => this.log?.status(),
      behindSinceMs: () => this.log?.behindSinceMs() ?? Number.POSITIVE_INFINITY,
      proof: {
        files: world.files,
        recordPath: tieRecordPath(DIR),
        provers,
        solo: {
          recordPath: soloRecordPath(DIR),
          logPath: RAFT_LOG_PATH,
          begin: () => this.newHalf(process, service.state),
        },
      },
    });
    return this.transport;
  }

  private sharedDisksFor(process: SimProcess): SharedDisks {
    const { tie } = this;
    return tie === undefined || typeof tie === 'string' ? NO_DISKS : tie.portFor(process);
  }

  private connectDisk(client: SimProcess, done: (result: DiskPort | EterneError) => void): void {
    openDiskPort(client, this.disk, done);
  }
}

function idOf(tie: Tie): MemberId {
  if (tie === 'proof') return PROOF_TIE_ID;
  return tie === 'solo' ? SOLO_TIE_ID : TIE_ID;
}
