/** The machine under a service: heart, monitor and disk process as simply as their ports allow, in virtual time. */
import { EterneError } from '@eterne/base';
import type { Timer } from '@eterne/runtime';
import type {
  DiskState,
  Grant,
  LocalReplicaStatus,
  PeerStatus,
  PromoteRequest,
  SetAnswer,
  SetProposal,
  VolumeConfig,
  VolumeStatus,
} from '@eterne/disk/engine/api.ts';
import type { DiskPort } from '@eterne/disk/process/port.ts';
import type {
  ActionResult,
  DrillOrder,
  HeartPort,
  LeaseGrant,
  LeaseRequest,
  MonitorPort,
  PathStatus,
  ResourceReport,
  ResourceSpec,
  ResourceState,
  WatchdogReport,
  WatchOrder,
} from '../../src/ports.ts';
import { NO_DROPS } from '../../src/heart/drops.ts';
import type { FenceOrder, FenceResult } from '../../src/fencing/order.ts';
import type { FenceDevice, WatchdogSpec } from '../../src/state/model.ts';
import type { Trouble } from '../../src/state/watch.ts';
import type { LeaseTable } from '../../src/service/effects.ts';
import type { MachineTime, VirtualTime } from './virtual-time.ts';

const OK: ActionResult = { ok: true, reason: '', outputs: {} };

export class FakeMonitor implements MonitorPort {
  readonly #time: VirtualTime | MachineTime;
  /** `group/resource` of everything that runs. */
  readonly running = new Set<string>();
  /** The same of what somebody has started by hand. */
  readonly byHand = new Set<string>();
  readonly log: string[] = [];
  /** `start group/resource`, `stop group/resource` or `kill group` → why it fails. */
  readonly failures = new Map<string, string>();
  /** It still takes away what an earlier life of the node has left. */
  isClearing = false;
  startMs = 20;
  fenceMs = 300;
  onFence: (node: string) => void = () => {};
  /** Records of drills, by their id, on the groups' file systems. */
  readonly #drillRecords: Map<string, number>;
  #drilling: { readonly drill: string; readonly timer: Timer } | undefined;
  #listeners: ((reports: readonly ResourceReport[]) => void)[] = [];
  /** What it was told to watch last. */
  watched: WatchOrder | undefined;
  #troubleListeners: ((troubles: readonly Trouble[]) => void)[] = [];

  constructor(time: VirtualTime | MachineTime, drillRecords: Map<string, number>) {
    this.#time = time;
    this.#drillRecords = drillRecords;
  }

  drill({ verb, drill }: DrillOrder, done: (records: number | EterneError) => void): void {
    const records = (): number => this.#drillRecords.get(drill) ?? 0;
    if (verb === 'write') {
      const timer = this.#time.every(5, () => this.#drillRecords.set(drill, records() + 1));
      this.#drilling = { drill, timer };
    } else if (verb === 'end') this.#drilling?.timer.cancel();
    this.log.push(`drill ${verb}`);
    this.#time.after(3, () => done(records()));
  }

  /** A restarted service listens anew. */
  forgetListeners(): void {
    this.#listeners = [];
    this.#troubleListeners = [];
  }

  watch(order: WatchOrder, done: (error: EterneError | undefined) => void): void {
    this.watched = order;
    this.#time.after(1, () => done(undefined));
  }

  onTroubles(listener: (troubles: readonly Trouble[]) => void): void {
    this.#troubleListeners.push(listener);
  }

  tellTroubles(troubles: readonly Trouble[]): void {
    for (const listener of this.#troubleListeners) listener(troubles);
  }

  start(
    resource: ResourceSpec,
    _epoch: number,
    _timeoutMs: number,
    done: (result: ActionResult) => void,
  ): void {
    const key = `${resource.group}/${resource.name}`;
    this.#act('start', key, done, () => this.running.add(key), { device: `dev-of-${resource.name}` });
  }

  stop(resource: ResourceSpec, _timeoutMs: number, done: (result: ActionResult) => void): void {
    const key = `${resource.group}/${resource.name}`;
    const effect = (): void => {
      this.running.delete(key);
      this.byHand.delete(key);
    };
    this.#act('stop', key, done, effect, {});
  }

  probe(resource: ResourceSpec, done: (state: ResourceState) => void): void {
    const key = `${resource.group}/${resource.name}`;
    this.log.push(`probe ${key}`);
    this.#time.after(5, () => done(this.running.has(key) ? 'running' : 'stopped'));
  }

  find({ group, name }: ResourceSpec, _timeoutMs: number, done: (isHere: boolean | undefined) => void): void {
    const key = `${group}/${name}`;
    this.log.push(`find ${key}`);
    this.#time.after(5, () => done(this.running.has(key) || this.byHand.has(key)));
  }

  kill(group: string, done: (error: EterneError | undefined) => void): void {
    this.log.push(`kill ${group}`);
    const left = this.failures.get(`kill ${group}`);
    if (left === undefined) this.killNow(group);
    this.#time.after(5, () => done(left === undefined ? undefined : new EterneError('busy', left)));
  }

  killNow(group: string): void {
    for (const key of this.running) if (key.startsWith(`${group}/`)) this.running.delete(key);
  }

  /** Takes `fenceMs`; `onFence` switches off whom the order names, unless a failure `fence NODE` is planned. */
  fence({ node }: FenceOrder, done: (result: FenceResult) => void): void {
    this.log.push(`fence ${node}`);
    this.#time.after(this.fenceMs, () => {
      const reason = this.failures.get(`fence ${node}`);
      if (reason === undefined) this.onFence(node);
      done({ confirmed: reason === undefined, reason: reason ?? 'by the test' });
    });
  }

  ping(_addresses: readonly string[], done: (reached: boolean) => void): void {
    this.#time.after(5, () => done(!this.failures.has('ping')));
  }

  checkFence(device: FenceDevice, done: (trouble: string | undefined) => void): void {
    this.#time.after(5, () => done(this.failures.get(`check ${device.node}`)));
  }

  onReport(listener: (reports: readonly ResourceReport[]) => void): void {
    this.#listeners.push(listener);
    if (!this.isClearing) this.#time.after(1, () => listener([]));
  }

  /** An earlier life's resources are gone, and it serves. */
  cleared(): void {
    this.isClearing = false;
    this.running.clear();
    for (const listener of this.#listeners) listener([]);
  }

  /** The resource dies by itself and the monitor notices. */
  crash(group: string, resource: string): void {
    this.running.delete(`${group}/${resource}`);
    const report: ResourceReport = { group, resource, state: 'failed', reason: 'it died' };
    for (const listener of this.#listeners) listener([report]);
  }

  #act(
    verb: string,
    key: string,
    done: (result: ActionResult) => void,
    effect: () => void,
    outputs: Record<string, string>,
  ): void {
    this.log.push(`${verb} ${key}`);
    this.#time.after(this.startMs, () => {
      const reason = this.failures.get(`${verb} ${key}`);
      if (reason !== undefined) return done({ ok: false, reason, outputs: {} });
      effect();
      done({ ...OK, outputs });
    });
  }
}

interface FakeVolume {
  readonly config: VolumeConfig;
  role: 'primary' | 'secondary';
  term: number;
  set: readonly string[];
  setVersion: number;
}

/** A disk process. `reaches` tells which peers' disk processes answer. */
export class FakeDisk {
  readonly #time: VirtualTime | MachineTime;
  readonly #reaches: (peer: string) => boolean;
  readonly #tellPeers: (volume: string, term: number) => void;
  readonly volumes = new Map<string, FakeVolume>();
  /** Volume → the newest term in its metadata. */
  readonly #terms = new Map<string, number>();
  #port:
    | {
        closed: () => void;
        status: () => void;
        propose: (proposal: SetProposal, answer: (answer: SetAnswer) => void) => void;
      }
    | undefined;
  up = true;

  constructor(
    time: VirtualTime | MachineTime,
    reaches: (peer: string) => boolean,
    tellPeers: (volume: string, term: number) => void,
  ) {
    this.#time = time;
    this.#reaches = reaches;
    this.#tellPeers = tellPeers;
  }

  connect(done: (result: DiskPort | EterneError) => void): void {
    this.#time.after(2, () => done(this.up ? this.#makePort() : new EterneError('unreachable', 'down')));
  }

  /** Volume → what its replica here has come to; absent: UpToDate. */
  readonly diskStates = new Map<string, DiskState>();

  /** Of all volumes on shared devices. */
  readonly lostDevices = new Set<string>();
  /** The last promotion. */
  asked: PromoteRequest | undefined;

  /** Volume → what had been committed of it when it was last asked for. */
  readonly told = new Map<string, Grant | undefined>();

  /** Volume → what it has grown to; absent: it has not. */
  readonly sizes = new Map<string, number>();
  /** What every `ask` answers. */
  askError: EterneError | undefined;

  /** Peer → the member by that name that it still is connected with; absent: the one it was told of. */
  readonly staleLives = new Map<string, string>();

  /** Where peers are let in, as it was last told. */
  listening: readonly string[] = [];

  /** Its metadata is lost. */
  forget(volume: string): void {
    this.#terms.delete(volume);
  }

  /** kill -9 and the restart: nothing is open any more. */
  crash(restartMs: number): void {
    this.up = false;
    this.volumes.clear();
    this.#time.after(restartMs, () => (this.up = true));
    const port = this.#port;
    this.#port = undefined;
    port?.closed();
  }

  /** The service cannot speak with it; it goes on as it is. */
  hangUp(forMs: number): void {
    this.up = false;
    this.#time.after(forMs, () => (this.up = true));
    const port = this.#port;
    this.#port = undefined;
    port?.closed();
  }

  /** As a connected secondary is told by a new primary. */
  sawTerm(name: string, term: number): void {
    this.#terms.set(name, term);
    const volume = this.volumes.get(name);
    if (volume) volume.term = term;
  }

  demoteAll(names: readonly string[]): void {
    for (const name of names) this.#demote(name);
    this.changed();
  }

  changed(): void {
    this.#port?.status();
  }

  propose(volume: string, members: readonly string[], answer: (answer: SetAnswer) => void): void {
    const held = this.volumes.get(volume);
    if (!held) throw new Error(`no ${volume}`);
    const term = { number: held.term, grantor: 'id' };
    const proposal = { volume, term, expectedVersion: held.setVersion, members, reason: 'test' };
    this.#port?.propose(proposal, (given) => {
      if (given.kind === 'committed')
        Object.assign(held, { set: given.set.members, setVersion: given.set.version });
      answer(given);
    });
  }

  #makePort(): DiskPort {
    const closed: (() => void)[] = [];
    const status: ((volumes: readonly VolumeStatus[]) => void)[] = [];
    let onProposal: ((proposal: SetProposal, answer: (answer: SetAnswer) => void) => void) | undefined;
    const own = {
      closed: () => closed.forEach((listener) => listener()),
      status: () => status.forEach((listener) => listener(this.#statuses())),
      propose: (proposal: SetProposal, answer: (answer: SetAnswer) => void) => onProposal?.(proposal, answer),
    };
    this.#port = own;
    const later = (
      action: () => EterneError | undefined,
      done: (error: EterneError | undefined) => void,
    ): void =>
      void this.#time.after(3, () => {
        if (this.#port !== own) return;
        const error = action();
        own.status();
        done(error);
      });
    return {
      ensureVolume: ({ config }, committed, done) => {
        this.told.set(config.name, committed);
        later(() => this.#ensure(config), done);
      },
      removeVolume: (name, done) => later(() => void this.volumes.delete(name), done),
      promote: (name, request, done) => later(() => this.#promote(name, request), done),
      demote: (name, done) => later(() => this.#demote(name), done),
      ask: (name, call, done) =>
        later(() => {
          if (call.verb === 'resize' && this.askError === undefined) this.sizes.set(name, call.sizeBytes);
          return this.askError;
        }, done),
      setLease: () => {},
      listenAt: (addresses) => (this.listening = addresses),
      onStatus: (listener) => {
        status.push(listener);
        this.#time.after(1, () => listener(this.#statuses()));
      },
      onProposal: (listener) => (onProposal = listener),
      onClose: (listener) => closed.push(listener),
      close: () => {},
    };
  }

  #ensure(config: VolumeConfig): undefined {
    const known = this.volumes.get(config.name);
    if (known) Object.assign(known, { config });
    else
      this.volumes.set(config.name, {
        config,
        role: 'secondary',
        term: this.#terms.get(config.name) ?? 0,
        set: [],
        setVersion: 0,
      });
    return undefined;
  }

  #promote(name: string, request: PromoteRequest): EterneError | undefined {
    const volume = this.volumes.get(name);
    if (!volume || !request.granted) return new EterneError('not-found', `no ${name}`);
    volume.role = 'primary';
    this.sawTerm(name, request.granted.term.number);
    this.#tellPeers(name, request.granted.term.number);
    volume.set = Object.keys(volume.config.devices ?? {});
    if (volume.config.devices === undefined) volume.set = request.granted.set.members;
    this.asked = request;
    volume.setVersion = request.granted.set.version;
    return undefined;
  }

  #demote(name: string): undefined {
    const volume = this.volumes.get(name);
    if (volume) volume.role = 'secondary';
    return undefined;
  }

  #statuses(): readonly VolumeStatus[] {
    return [...this.volumes.values()].map((volume) => ({
      name: volume.config.name,
      sizeBytes: this.sizes.get(volume.config.name) ?? volume.config.sizeBytes,
      mode: 'sync',
      role: volume.role,
      term: volume.term,
      disk: this.diskStates.get(volume.config.name) ?? (isClosed(volume) ? 'Diskless' : 'UpToDate'),
      dirtyBytes: 0,
      frozen: false,
      freezeReason: null,
      heldWrites: 0,
      inSyncSet: volume.set.filter((name) => !this.lostDevices.has(name)),
      setVersion: volume.setVersion,
      ioErrors: 0,
      remappedSectors: 0,
      attached: null,
      generation: { current: '', history: [] },
      peers: Object.keys(volume.config.peers).map((node) => this.#peerStatus(node, volume.config)),
      localReplicas: this.#devicesOf(volume),
    }));
  }

  #devicesOf({ config: { devices = {} }, role }: FakeVolume): readonly LocalReplicaStatus[] {
    return Object.entries(devices).map(([name, device]) => {
      const isLost = this.lostDevices.has(name);
      const open: DiskState = isLost ? 'Attaching' : 'UpToDate';
      return {
        name,
        device,
        isSource: false,
        disk: role === 'primary' ? open : 'Diskless',
        problem: isLost ? 'does not answer' : null,
        replication: 'Off',
        splitBrain: false,
        dirtyBytes: 0,
        ioErrors: 0,
        remappedSectors: 0,
        resync: { kind: 'none', reason: '', syncedBytes: 0, toSyncBytes: 0, wireBytes: 0, etaMs: null },
        verify: null,
        lastVerify: null,
      };
    });
  }

  #peerStatus(node: string, { lives = {} }: VolumeConfig): PeerStatus {
    const life = this.staleLives.get(node) ?? lives[node];
    return {
      node,
      ...(life === undefined ? {} : { life }),
      connection: this.#reaches(node) ? 'Connected' : 'Connecting',
      replication: 'Established',
      disk: 'UpToDate',
      role: 'secondary',
      dirtyBytes: 0,
      lagBytes: 0,
      lagMs: 0,
      splitBrain: false,
      resync: { kind: 'none', reason: '', syncedBytes: 0, toSyncBytes: 0, wireBytes: 0, etaMs: null },
      verify: null,
      lastVerify: null,
    };
  }
}

/** On shared devices, which are open only while it is served. */
const isClosed = ({ config, role }: FakeVolume): boolean =>
  config.devices !== undefined && role === 'secondary';

/** A heart: asks for leases, keeps them, and tells who is heard. `send` carries a request to whoever leads. */
export class FakeHeart implements HeartPort {
  readonly #time: VirtualTime | MachineTime;
  readonly #node: string;
  readonly #send: (request: LeaseRequest) => void;
  readonly #route: (grant: LeaseGrant) => void;
  leases = new Map<
    string,
    { epoch: number; validUntilBootMs: number; graceMs: number; volumes: readonly string[] }
  >();
  up = true;
  #sequence = 0;
  #liveness: Parameters<HeartPort['onLiveness']>[0][] = [];
  #requests: ((request: LeaseRequest) => void)[] = [];
  #leaseListeners: ((leases: LeaseTable) => void)[] = [];

  /** What the service wants of the watchdog. */
  watchdog: WatchdogSpec | null = null;
  #watchdogListener: (report: WatchdogReport) => void = () => {};

  constructor(
    time: VirtualTime | MachineTime,
    node: string,
    send: (request: LeaseRequest) => void,
    route: (grant: LeaseGrant) => void,
  ) {
    this.#time = time;
    this.#node = node;
    this.#send = send;
    this.#route = route;
    time.every(150, () => this.#ask());
  }

  forgetListeners(): void {
    this.#liveness = [];
    this.#requests = [];
    this.#leaseListeners = [];
  }

  setWatchdog(spec: WatchdogSpec | null): void {
    this.watchdog = spec;
    this.tellWatchdog({ armedMs: null, trouble: null });
    this.#time.after(5, () => this.tellWatchdog({ armedMs: spec?.timeoutMs ?? null, trouble: null }));
  }

  onWatchdog(listener: (report: WatchdogReport) => void): void {
    this.#watchdogListener = listener;
    this.#time.after(1, () =>
      this.tellWatchdog({ armedMs: this.watchdog?.timeoutMs ?? null, trouble: null }),
    );
  }

  tellWatchdog(report: Omit<WatchdogReport, 'of'>): void {
    this.#watchdogListener({ of: this.watchdog, ...report });
  }

  onLiveness(listener: Parameters<HeartPort['onLiveness']>[0]): void {
    this.#liveness.push(listener);
  }

  onLeaseRequest(listener: (request: LeaseRequest) => void): void {
    this.#requests.push(listener);
  }

  onLease(listener: (leases: LeaseTable) => void): void {
    this.#leaseListeners.push(listener);
    this.#time.after(1, () => listener(this.leases));
  }

  grant(grant: LeaseGrant): void {
    this.#route(grant);
  }

  /** `paths`: what is seen on disks. */
  tellAlive(alive: ReadonlySet<string>, paths: readonly PathStatus[] = []): void {
    if (this.up) for (const listener of this.#liveness) listener(alive, paths, NO_DROPS);
  }

  hearRequest(request: LeaseRequest): void {
    if (this.up) for (const listener of this.#requests) listener(request);
  }

  hearGrant(grant: LeaseGrant): void {
    if (!this.up) return;
    for (const { group, epoch, volumes } of grant.groups)
      this.leases.set(group, {
        epoch,
        validUntilBootMs: grant.request.sentAtBootMs + grant.durationMs,
        graceMs: grant.graceMs,
        volumes,
      });
    for (const listener of this.#leaseListeners) listener(this.leases);
  }

  #ask(): void {
    if (!this.up) return;
    this.#sequence += 1;
    this.#send({
      node: this.#node,
      bootId: 'boot',
      sequence: this.#sequence,
      sentAtBootMs: this.#time.bootMs(),
    });
  }
}
