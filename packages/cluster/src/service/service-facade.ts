/** The facade that the API serves, on a running service: turns orders into entries and their outcome into promises. */
import { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import { fenceOrderMs } from '../fencing/order.ts';
import type {
  Account,
  ClusterConfig,
  ClusterEvent,
  ClusterState,
  GroupState,
  HeartbeatDisk,
  MemberSpec,
  NodeMode,
  Member,
} from '../state/model.ts';
import { makeHeartDisk, type DiskMaker } from '../heart/make-disk.ts';
import { checkTie } from '../raft/tie/tie-driver.ts';
import type { ConfigChange } from '../state/commands.ts';
import { atNode, sortedValues } from '../state/model.ts';
import { resized } from '../state/parts.ts';
import type { Losses } from '../state/places.ts';
import { parseDocument } from './config/document.ts';
import type { Plan } from './config/plan.ts';
import { configureCommand, planDocument } from './config/plan.ts';
import { showDocument } from './config/show.ts';
import { DrillRun, type Draft } from './drill-run.ts';
import { explainGroup } from './explain.ts';
import { simulate } from './simulate.ts';
import type {
  ClusterStatus,
  ConfigPlan,
  DrillResult,
  FailureSimulation,
  FenceReport,
  GroupExplanation,
  Requester,
  ServiceFacade,
  SimulationRequest,
} from './facade.ts';
import { place } from './leader/placement.ts';
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { SplitBrainReport } from '@eterne/disk/engine/split-brain/report.ts';
import type { PointStatus } from '@eterne/disk/rescue/api.ts';
import type { VolumeOrder } from '../state/volume-orders.ts';
import { errorOf, noSuch } from '../state/outcome.ts';
import { undecidedWithout } from './needed.ts';
import { leavingDiskRefusal } from './pair/keeping.ts';
import { removalRefusal } from './pair/removal.ts';
import { ReplicaOrders } from './replica-orders.ts';
import type { Service } from './service.ts';
import { clusterStatus } from './status.ts';
import { isCutOff, isHeard } from './view.ts';

/** Between two changes of a busy cluster somebody else may have planned too. */
const CONFLICT_RETRIES = 3;
const LOOK_MS = 20;
/** Beyond what the agents may take: the entries around it. */
const FENCE_SLACK_MS = 10_000;

export class LiveFacade implements ServiceFacade {
  readonly node: string;
  readonly #service: Service;
  readonly #world: Pick<World, 'clock' | 'timers'>;
  readonly #replicas: ReplicaOrders;
  readonly #diskMaker: DiskMaker | undefined;

  /** `diskMaker`: for heartbeat disks; a witness reaches none. */
  constructor(service: Service, world: Pick<World, 'clock' | 'timers'>, diskMaker?: DiskMaker) {
    this.node = service.view.self;
    this.#service = service;
    this.#world = world;
    this.#replicas = new ReplicaOrders(service);
    this.#diskMaker = diskMaker;
  }

  state(): ClusterState {
    return this.#service.state;
  }

  status(): ClusterStatus {
    this.#service.refresh();
    return clusterStatus(this.#service.core);
  }

  events(afterId: number): readonly ClusterEvent[] {
    return this.state().events.filter(({ id }) => id > afterId);
  }

  subscribe(listener: () => void): () => void {
    return this.#service.onChange(listener);
  }

  async configPlan(document: unknown): Promise<ConfigPlan> {
    return { steps: (await this.#plan(document)).steps };
  }

  async configApply(document: unknown, by: Requester): Promise<ConfigPlan> {
    for (let attempt = 1; ; attempt += 1) {
      const plan = await this.#plan(document);
      if (plan.changes.length === 0) return { steps: [] };
      try {
        await this.#configure(await this.#withDisks(plan), by);
        return { steps: plan.steps };
      } catch (error) {
        const again = error instanceof EterneError && error.code === 'conflict' && attempt < CONFLICT_RETRIES;
        if (!again) throw error;
      }
    }
  }

  async configLosses(document: unknown): Promise<readonly Losses[]> {
    return (await this.#plan(document)).losses;
  }

  configShow(): Record<string, unknown> {
    return showDocument(this.state());
  }

  async migrateLog(to: 'embedded' | 'etcd', by: Requester): Promise<void> {
    await this.#append({ kind: 'log-move', to }, by);
  }

  async volumeCreate(volume: unknown, by: Requester): Promise<void> {
    await this.#create({ volumes: [volume] }, by);
  }

  async volumeDelete(name: string, by: Requester): Promise<void> {
    await this.#configure({ changes: [{ kind: 'volume-delete', name }] }, by);
  }

  async volumeAcceptLoss(name: string, node: string, by: Requester): Promise<void> {
    await this.#append({ kind: 'volume-accept-loss', volume: name, node }, by);
  }

  async volumeResize(
    name: string,
    part: string | undefined,
    sizeBytes: number,
    by: Requester,
  ): Promise<void> {
    await this.#barrier();
    const present = this.state().volumes[name];
    if (!present) throw errorOf(noSuch('volume', name, this.state().volumes));
    const spec = resized(present.spec, part, sizeBytes);
    await this.#configure({ changes: [{ kind: 'volume-put', spec }] }, by);
  }

  async volumeActor(name: string, node: string | undefined): Promise<string> {
    await this.#barrier();
    return this.#replicas.actor(name, node);
  }

  async volumeOrder(name: string, order: VolumeOrder, by: Requester): Promise<void> {
    this.#replicas.checkReach(name, order);
    await this.#append({ kind: 'volume-order', volume: name, node: this.node, order }, by);
    await this.#replicas.carryOut(name, order);
  }

  volumeReplica(name: string): Promise<VolumeStatus> {
    return this.#replicas.status(name);
  }

  volumeSplitBrains(name: string): Promise<readonly SplitBrainReport[]> {
    return this.#replicas.splitBrains(name);
  }

  volumeRescuePoints(name: string): Promise<readonly PointStatus[]> {
    return this.#replicas.rescuePoints(name);
  }

  async groupCreate(group: unknown, by: Requester): Promise<void> {
    await this.#create({ groups: [group] }, by);
  }

  async groupStart(name: string, by: Requester): Promise<void> {
    await this.#append({ kind: 'group-desire', group: name, desired: 'started' }, by);
  }

  async groupStop(name: string, by: Requester): Promise<void> {
    await this.#append({ kind: 'group-desire', group: name, desired: 'stopped' }, by);
  }

  async groupMove(name: string, to: string | undefined, by: Requester): Promise<void> {
    await this.#barrier();
    const group = this.#group(name);
    const target = this.#target(group, to);
    const reason = `asked for by ${by}`;
    // Named: placed anew without a name it would be the preferred node again, which may be the one to leave.
    await this.#append({ kind: 'group-move', group: name, to: target, reason, displaces: false }, by);
  }

  async groupDelete(name: string, by: Requester): Promise<void> {
    await this.#configure({ changes: [{ kind: 'group-delete', name }] }, by);
  }

  groupExplain(name: string): GroupExplanation {
    return explainGroup(this.#service.view, name);
  }

  nodeStandby(name: string, by: Requester): Promise<void> {
    return this.#setMode(name, 'standby', by);
  }

  nodeUnstandby(name: string, by: Requester): Promise<void> {
    return this.#setMode(name, 'active', by);
  }

  nodeMaintenance(name: string, by: Requester): Promise<void> {
    return this.#setMode(name, 'maintenance', by);
  }

  async nodeFence(name: string, by: Requester): Promise<FenceReport> {
    await this.#barrier();
    const startedMs = this.#world.clock.bootMs();
    const { events, fences, members } = this.state();
    const present = fences[name];
    const isOfThisLife = present !== undefined && present.startId === members[name]?.startId;
    const failed = isOfThisLife ? present.attempt - (present.executor === null ? 0 : 1) : 0;
    const reason = `asked for by ${by}`;
    await this.#append({ kind: 'fence-request', node: name, reason, leaderTerm: null }, by);
    await this.#fenced(name, events.at(-1)?.id ?? 0, failed, startedMs);
    return { node: name, tookMs: Math.round(this.#world.clock.bootMs() - startedMs) };
  }

  async nodeConfirmStopped(name: string, acceptLoss: boolean, by: Requester): Promise<void> {
    this.#service.refresh();
    const member = this.state().members[name];
    if (!member) throw errorOf(noSuch('node', name, this.state().members));
    const { view } = this.#service;
    if (view.alive === undefined || isHeard(view, name))
      throw new EterneError('refused', `${name} is heard: it is not stopped`, {
        hint: `stop it, or order \`eterne node fence ${name}\``,
      });
    if (isCutOff(view, name))
      throw new EterneError('refused', `${name} is seen on a heartbeat disk: it lives, it is only cut off`, {
        hint: `stop it, or order \`eterne node fence ${name}\``,
      });
    if (!view.leadership.quorate) return this.#goOnAlone(wordOf(by), acceptLoss);
    await this.#barrier();
    await this.#saidToBeOff(member, by);
  }

  async #saidToBeOff({ name, startId }: Member, by: Requester): Promise<void> {
    await this.#append({ kind: 'node-stopped', node: name, startId, how: wordOf(by) }, by);
  }

  #goOnAlone(how: string, acceptLoss: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#service.takeByWord(how, acceptLoss, (error) => (error ? reject(error) : resolve()));
    });
  }

  async nodeRemove(name: string, isSaidToBeOff: boolean, by: Requester): Promise<void> {
    await this.#barrier();
    this.#service.refresh();
    const { view } = this.#service;
    const refusal = removalRefusal(view, name, isSaidToBeOff) ?? undecidedWithout(view, view.state, name);
    if (refusal) throw refusal;
    const { alone, members } = this.state();
    const member = members[name];
    // The timeline keeps the word.
    if (alone?.peer === name && member !== undefined) await this.#saidToBeOff(member, by);
    await this.#append({ kind: 'member-remove', name }, by);
  }

  async joinNode(member: MemberSpec, by: Requester): Promise<void> {
    await this.#append({ kind: 'member-add', member }, by);
  }

  async setMaintenance(group: string | null, on: boolean, by: Requester): Promise<void> {
    if (group === null) await this.#append({ kind: 'cluster-maintenance', on }, by);
    else await this.#append({ kind: 'group-maintenance', group, on }, by);
  }

  simulate(request: SimulationRequest): FailureSimulation {
    this.#service.refresh();
    return simulate(this.#service.view, request);
  }

  async drill(name: string, by: Requester): Promise<DrillResult> {
    await this.#barrier();
    const group = this.#group(name);
    const to = this.#target(group, undefined);
    return new DrillRun(this.#service, this.#world.timers, (draft) => this.#append(draft, by)).run(
      group,
      to,
      by,
    );
  }

  async tokenAdd(hash: string, expiresAtMs: number, by: Requester): Promise<void> {
    await this.#append({ kind: 'token-add', hash, token: { expiresAtMs } }, by);
  }

  async tokenUse(hash: string): Promise<void> {
    await this.#append({ kind: 'token-use', hash });
  }

  async accountPut(account: Account, by: Requester): Promise<void> {
    await this.#append({ kind: 'account-put', account }, by);
  }

  async accountRemove(name: string, by: Requester): Promise<void> {
    await this.#append({ kind: 'account-remove', name }, by);
  }

  async #setMode(name: string, mode: NodeMode, by: Requester): Promise<void> {
    await this.#append({ kind: 'node-mode', name, mode }, by);
  }

  async #plan(document: unknown): Promise<Plan> {
    const parsed = parseDocument(document);
    await this.#barrier();
    return planDocument(this.state(), parsed, this.#service.view.levels);
  }

  async #create(document: unknown, by: Requester): Promise<void> {
    const plan = await this.#plan(document);
    const present = plan.steps.find(({ action }) => action !== 'create');
    if (present || plan.steps.length === 0)
      throw new EterneError('exists', `it exists already${present ? `: ${present.name}` : ''}`, {
        hint: 'change it with `eterne config apply`',
      });
    await this.#configure(plan, by);
  }

  async #configure(plan: Pick<Plan, 'changes'>, by: Requester): Promise<void> {
    await this.#append(configureCommand(this.state(), plan, { atMs: 0 }), by);
  }

  /** Heartbeat disks are made before the cluster hears of them. */
  async #withDisks(plan: Plan): Promise<Plan> {
    const changes: ConfigChange[] = [];
    for (const change of plan.changes) if (change.kind === 'cluster') await this.#checkTie(change.config);
    for (const change of plan.changes)
      changes.push(
        change.kind === 'cluster'
          ? { ...change, config: { ...change.config, heartbeatDisks: await this.#made(change.config) } }
          : change,
      );
    return { ...plan, changes };
  }

  /** The leader makes it, later and again and again: what it would refuse for ever is refused here. */
  #checkTie({ tieBreaker }: ClusterConfig): Promise<void> {
    const present = this.state().config.tieBreaker;
    const isNew =
      tieBreaker.kind === 'disk' && !(present.kind === 'disk' && present.device === tieBreaker.device);
    const maker = this.#diskMaker;
    this.#service.refresh();
    const refusal = leavingDiskRefusal(this.#service.view, tieBreaker);
    if (refusal) return Promise.reject(refusal);
    if (!isNew || maker === undefined) return Promise.resolve();
    const nodes = sortedValues(this.state().members).filter(({ role }) => role === 'node');
    return new Promise((resolve, reject) =>
      checkTie(
        maker,
        tieBreaker.device,
        nodes.map(({ name }) => name),
        (error) => (error === undefined ? resolve() : reject(error)),
      ),
    );
  }

  async #made({ heartbeatDisks }: ClusterConfig): Promise<readonly HeartbeatDisk[]> {
    const made: HeartbeatDisk[] = [];
    for (const disk of heartbeatDisks)
      made.push(disk.id === '' ? { ...disk, id: await this.#makeDisk(disk) } : disk);
    return made;
  }

  #makeDisk({ device }: HeartbeatDisk): Promise<string> {
    const maker = this.#diskMaker;
    const path = atNode(device, this.node);
    if (maker === undefined || path === undefined)
      throw new EterneError('refused', `${this.node} does not reach the new heartbeat disk`, {
        hint: 'apply the document on a node that does',
      });
    return new Promise((resolve, reject) =>
      makeHeartDisk(maker, path, this.state().clusterId, (id) =>
        id instanceof EterneError ? reject(id) : resolve(id),
      ),
    );
  }

  #group(name: string): GroupState {
    const group = this.state().groups[name];
    if (!group) throw errorOf(noSuch('group', name, this.state().groups));
    return group;
  }

  /** Refuses before anything is stopped when nobody could take it. */
  #target(group: GroupState, to: string | undefined): string {
    const alive = this.#service.view.alive ?? new Set<string>();
    const { candidates, chosen, reason } = place(this.state(), group, { alive }, group.owner);
    const wanted = to === undefined ? chosen : to;
    const candidate = candidates.find(({ node }) => node === wanted);
    if (wanted === null)
      throw new EterneError('refused', `no node can take group ${group.spec.name}: ${reason}`);
    if (!candidate)
      throw new EterneError(
        'refused',
        `group ${group.spec.name} may not run on ${wanted}: it is not among its nodes`,
      );
    if (!candidate.eligible)
      throw new EterneError(
        'refused',
        `${wanted} cannot take group ${group.spec.name}: it ${candidate.reason}`,
      );
    return wanted;
  }

  /** Until it is confirmed by an event after `eventBefore`, or an attempt has failed that is not among the first `failed`. */
  async #fenced(node: string, eventBefore: number, failed: number, startedMs: number): Promise<void> {
    const devices = this.state().config.fencing.filter((device) => device.node === node);
    const limitMs = fenceOrderMs({ node, devices }) + FENCE_SLACK_MS;
    await this.#until(
      startedMs + limitMs,
      () => `${node} is not fenced yet`,
      () => {
        const isOff = this.events(eventBefore).some(
          (event) => event.code === 'node.stopped' && event.node === node,
        );
        if (isOff) return true;
        const fence = this.state().fences[node];
        if (fence === undefined)
          throw new EterneError('refused', `${node} was started again, or removed, before it was fenced`);
        if (fence.executor === null && fence.attempt > failed)
          throw new EterneError('refused', `${node} could not be fenced: ${fence.failure}`);
        return false;
      },
    );
  }

  #until(deadlineMs: number, late: () => string, condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = this.#world.timers.every(LOOK_MS, () => {
        try {
          if (condition()) resolve();
          else if (this.#world.clock.bootMs() >= deadlineMs) reject(new EterneError('timeout', late()));
          else return;
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
        look.cancel();
      });
    });
  }

  #barrier(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#service.readBarrier((error) => (error ? reject(error) : resolve()));
    });
  }

  #append(draft: Draft, by?: Requester): Promise<void> {
    const stamp = { atMs: this.#world.clock.wallMs(), ...(by === undefined ? {} : { by }) };
    return new Promise((resolve, reject) => {
      this.#service.submit({ ...draft, ...stamp }, (result) => {
        if (result.kind !== 'applied') return reject(result.error);
        if (result.refused) return reject(errorOf(result.refused));
        resolve();
      });
    });
  }
}

const wordOf = (by: Requester): string => `${by} says so`;
