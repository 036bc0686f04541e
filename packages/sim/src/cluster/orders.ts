/**
 * People who give orders all the time, whatever else happens: the group is stopped, started, moved and changed, nodes are in standby, in maintenance and
 * stopped in order, a replica is taken out of the volume that is served and put back. Orders cross one another and what the cluster decides by itself; many are
 * refused, which is an answer. In the end all is to be as it was in the beginning.
 */
import { isDeepStrictEqual } from 'node:util';
import { assert } from '@eterne/base';
import type { Command, ConfigChange } from '@eterne/cluster/state/commands.ts';
import type { ClusterState, GroupSpec, NodeMode, VolumeSpec } from '@eterne/cluster/state/model.ts';
import type { Prng } from '../world/prng.ts';
import type { Universe } from '../world/universe.ts';
import type { Machine } from './machine.ts';
import { GROUP, VOLUME } from './places.ts';

const ORDER_EVERY_MS = [100, 2_500] as const;
/** File systems, and with them the logs, hang: longer than anybody waits for them, or not so long. */
const HANG_EVERY_MS = [5_000, 30_000] as const;
const HANG_MS = [500, 12_000] as const;
const LEAVE_TIMEOUT_MS = 5_000;
const PUT_RIGHT_EVERY_MS = 500;
/** How long an order stands that keeps the group from running, or from being looked after. */
const WHILE_MS = [200, 6_000] as const;

/** What was in force before the first order, and is to be in the end. */
export interface Plan {
  readonly group: GroupSpec;
  readonly volume: VolumeSpec;
}

type Order = (state: ClusterState) => Command | undefined;

export class Orders {
  private readonly universe: Universe;
  private readonly machines: readonly Machine[];
  readonly plan: Plan;
  private readonly submit: (command: Command) => void;
  private readonly state: () => ClusterState | undefined;
  private readonly chance: Prng;
  private isOver = false;
  /** Told to stop in order, and not ended yet: each by the life of its service that heard it. */
  private readonly leaving = new Map<Machine, Machine['service']>();

  constructor(
    universe: Universe,
    machines: readonly Machine[],
    plan: Plan,
    hands: {
      readonly submit: (command: Command) => void;
      readonly newestState: () => ClusterState | undefined;
    },
  ) {
    this.universe = universe;
    this.machines = machines;
    this.plan = plan;
    this.submit = (command) => hands.submit(command);
    this.state = () => hands.newestState();
    this.chance = universe.prng('orders');
  }

  begin(): void {
    this.orderLater();
    this.hangLater();
  }

  private hangLater(): void {
    this.universe.scheduler.after(this.chance.between(...HANG_EVERY_MS), () => {
      if (this.isOver) return;
      this.hangLater();
      const node = this.chance.pick(this.machines)?.node;
      this.universe.trace.line('FAULT', `the file system of ${node?.name} hangs`);
      node?.fileSystem.hang();
      this.universe.scheduler.after(this.chance.between(...HANG_MS), () => node?.fileSystem.goOn());
    });
  }

  private orderLater(): void {
    this.universe.scheduler.after(this.chance.between(...ORDER_EVERY_MS), () => {
      if (this.isOver) return;
      this.orderLater();
      const state = this.state();
      if (state?.groups[GROUP] === undefined) return;
      const order = this.chance.weighted(this.orders)(state);
      if (order !== undefined) this.give(order);
    });
  }

  /** From now on everything is put right. */
  end(): void {
    if (!this.isOver) for (const { node } of this.machines) node.fileSystem.goOn();
    this.isOver = true;
    const state = this.state();
    const missing = state && this.missing(state);
    if (missing !== undefined) this.give(missing);
    this.universe.scheduler.after(PUT_RIGHT_EVERY_MS, () => this.end());
  }

  /** What is not yet as it was. */
  defects(state: ClusterState | undefined): string[] {
    const missing = state && this.missing(state);
    const leaving = [...this.leaving].filter(([machine, life]) => machine.service === life);
    return [
      ...(missing === undefined ? [] : [`${missing.kind} is owed`]),
      ...leaving.map(([{ place }]) => `${place.name} has not left yet`),
    ];
  }

  private give(command: Command): void {
    const { kind, atMs: _, ...rest } = command;
    const what =
      kind === 'configure' ? command.changes.map((change) => change.kind).join() : JSON.stringify(rest);
    this.universe.trace.line('operator', `${kind} ${what}`);
    this.submit(command);
  }

  private readonly orders: readonly (readonly [number, Order])[] = [
    [3, () => this.desire('stopped')],
    [4, () => this.move()],
    [2, () => this.mode('standby')],
    [1, () => this.mode('maintenance')],
    [1, () => this.hold('group')],
    [1, () => this.hold('cluster')],
    [3, (state) => this.configure(state, { kind: 'group-put', spec: this.otherGroup() })],
    [4, (state) => this.takeOut(state)],
    [1, () => this.leave()],
  ];

  /** What keeps the cluster from going on is taken back after a while, so that there is something to be disturbed. */
  private forAWhile(order: Command, back: () => Command | undefined): Command {
    this.universe.scheduler.after(this.chance.between(...WHILE_MS), () => {
      const command = back();
      if (command !== undefined) this.give(command);
    });
    return order;
  }

  private desire(desired: 'started' | 'stopped'): Command {
    const order = { kind: 'group-desire', group: GROUP, desired, atMs: 0 } as const;
    return desired === 'started' ? order : this.forAWhile(order, () => this.desire('started'));
  }

  private move(): Command {
    const [to, reason] = [this.anyNode(), 'an order'];
    return { kind: 'group-move', group: GROUP, to, reason, displaces: false, atMs: 0 };
  }

  private mode(mode: NodeMode): Command {
    const name = this.anyNode();
    const order = { kind: 'node-mode', name, mode, atMs: 0 } as const;
    return this.forAWhile(order, () => ({ ...order, mode: 'active' }));
  }

  private hold(what: 'group' | 'cluster'): Command {
    const said = (on: boolean): Command =>
      what === 'group'
        ? { kind: 'group-maintenance', group: GROUP, on, atMs: 0 }
        : { kind: 'cluster-maintenance', on, atMs: 0 };
    return this.forAWhile(said(true), () => said(false));
  }

  /** A replica leaves the volume, perhaps while its peer serves, and its node the group with it; both come back. */
  private takeOut(state: ClusterState): Command {
    const { group, volume } = this.plan;
    const gone = this.anyNode();
    const changes = [
      {
        kind: 'volume-put',
        spec: { ...volume, replicas: volume.replicas.filter(({ node }) => node !== gone) },
      },
      { kind: 'group-put', spec: { ...group, nodes: group.nodes.filter((node) => node !== gone) } },
    ] as const;
    return this.forAWhile(this.configure(state, ...changes), () => {
      const later = this.state();
      const back = [
        { kind: 'volume-put', spec: volume },
        { kind: 'group-put', spec: group },
      ] as const;
      return later && this.configure(later, ...back);
    });
  }

  private configure({ revision }: ClusterState, ...changes: readonly ConfigChange[]): Command {
    return { kind: 'configure', changes, revision, atMs: 0 };
  }

  private anyNode(): string {
    const node = this.chance.pick(this.plan.group.nodes);
    assert(node !== undefined, 'the group has nodes');
    return node;
  }

  private otherGroup(): GroupSpec {
    const { group } = this.plan;
    return {
      ...group,
      nodes: this.chance.chance(0.5) ? group.nodes.toReversed() : group.nodes,
      failback: { enabled: this.chance.chance(0.5), window: null },
      onStopFailure: this.chance.chance(0.5) ? 'kill' : 'block',
    };
  }

  /** A node is stopped in order, and started again. */
  private leave(): undefined {
    const machine = this.chance.pick(this.machines);
    const process = machine?.process('service');
    const { service } = machine ?? {};
    if (machine === undefined || process === undefined || process.paused || service === undefined) return;
    this.universe.trace.line('operator', `stops ${machine.place.name} in order`);
    this.leaving.set(machine, service);
    const end = (): void => {
      if (this.leaving.get(machine) === service && this.leaving.delete(machine))
        machine.exchange(machine.levels);
    };
    process.enter(() => service.leave(LEAVE_TIMEOUT_MS, end));
    // The launcher ends the node with it then. After a power cut there is nothing to end.
    process.onDeath(() =>
      this.universe.scheduler.after(0, () => (machine.node.poweredOn ? end() : this.leaving.delete(machine))),
    );
  }

  private missing(state: ClusterState): Command | undefined {
    const { group, volume } = this.plan;
    const present = state.groups[GROUP];
    if (present === undefined) return undefined;
    if (state.maintenance) return { kind: 'cluster-maintenance', on: false, atMs: 0 };
    if (present.maintenance) return { kind: 'group-maintenance', group: GROUP, on: false, atMs: 0 };
    const idle = Object.values(state.members).find(({ mode }) => mode !== 'active');
    if (idle !== undefined) return { kind: 'node-mode', name: idle.name, mode: 'active', atMs: 0 };
    if (!isDeepStrictEqual(state.volumes[VOLUME]?.spec, volume))
      return this.configure(state, { kind: 'volume-put', spec: volume });
    if (!isDeepStrictEqual(present.spec, group))
      return this.configure(state, { kind: 'group-put', spec: group });
    if (present.desired === 'stopped' || present.phase === 'blocked') return this.desire('started');
    return undefined;
  }
}
