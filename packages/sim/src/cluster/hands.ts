/** What every scenario of a cluster does with its machines, and sees of them. */
import { assert } from '@eterne/base';
import type { Command } from '@eterne/cluster/state/commands.ts';
import type { ClusterState } from '@eterne/cluster/state/model.ts';
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import { FaultPlan } from '../faults/plan.ts';
import type { SimNode } from '../world/node.ts';
import type { Universe } from '../world/universe.ts';
import type { Machine } from './machine.ts';
import { GROUP, type Place, VOLUME } from './places.ts';

const LOOK_MS = 100;
const SET_UP_LOOK_MS = 300;
/** What was healed a moment ago has not shown what it does. */
const HEALED_MS = 3_000;

export class Hands {
  private readonly universe: Universe;
  private readonly machines: readonly Machine[];
  private readonly mayAsk: (machine: Machine) => boolean;

  /** `machines` may grow. `mayAsk`: who is told to do anything; whoever is no member cannot. */
  constructor(
    universe: Universe,
    machines: readonly Machine[],
    mayAsk: (machine: Machine) => boolean = () => true,
  ) {
    this.universe = universe;
    this.machines = machines;
    this.mayAsk = mayAsk;
  }

  /** The newest of that name that has been made a member. */
  machineOf(name: string): Machine {
    const machine = this.machines.findLast(({ place, isBlank }) => place.name === name && !isBlank);
    assert(machine !== undefined, `there is a machine ${name}`);
    return machine;
  }

  /** By way of any node that takes it. `applied`: the state took it. */
  submit(command: Command, applied?: () => void): void {
    for (const machine of this.machines.filter(this.mayAsk)) {
      const process = machine.process('service');
      const { service, log } = machine;
      if (process === undefined || service === undefined || log === undefined || process.paused) continue;
      process.enter(() =>
        service.submit(command, (result) => {
          if (result.kind !== 'applied') return;
          if (result.refused === undefined) applied?.();
          else this.universe.trace.line('operator', `is refused ${command.kind}: ${result.refused.message}`);
        }),
      );
      return;
    }
  }

  newestState(): ClusterState | undefined {
    const states = this.machines
      .filter((machine) => machine.process('service') !== undefined)
      .flatMap(({ service }) => (service === undefined ? [] : [service.state]));
    return states.toSorted((x, y) => y.eventId - x.eventId)[0];
  }

  /** A read behind a barrier, if somebody is there to be asked. `begin` gives what judges the state that it shows. */
  readAt(machine: Machine, begin: () => (state: ClusterState) => void): void {
    const { service } = machine;
    const process = machine.process('service');
    if (process === undefined || process.paused || service === undefined) return;
    const judge = begin();
    process.enter(() =>
      service.readBarrier((error) => {
        if (error === undefined) judge(service.state);
      }),
    );
  }

  statusOf(name: string): VolumeStatus | undefined {
    return statusAt(this.machineOf(name));
  }

  private machineAt(node: SimNode): Machine {
    const machine = this.machines.find((each) => each.node === node);
    assert(machine !== undefined, `${node.name} is a machine`);
    return machine;
  }

  /** A disk process does not take a failed disk back; the operator ends it, and its launcher starts another. */
  reattach(node: SimNode): void {
    const machine = this.machineAt(node);
    const disk = statusAt(machine)?.disk;
    if (disk === 'Failed' || disk === 'Diskless' || disk === undefined) machine.process('disk')?.crash();
  }

  /** Makes the cluster what the scenario needs, entry by entry, until the log has it all. */
  setUp(nextEntry: (state: ClusterState) => Command | undefined): void {
    const state = this.newestState();
    const entry = state === undefined ? undefined : nextEntry(state);
    if (state !== undefined && entry === undefined && state.groups[GROUP] !== undefined) return;
    if (entry !== undefined) this.submit(entry);
    this.universe.scheduler.after(SET_UP_LOOK_MS, () => this.setUp(nextEntry));
  }

  /** Every kind of fault at all machines; the group, which `carriers` can have, is moved among it. */
  faultPlan(carriers: () => readonly Place[]): FaultPlan {
    const { machines } = this;
    return new FaultPlan({
      universe: this.universe,
      get nodes() {
        return machines.map(({ node }) => node);
      },
      bystanders: [],
      switchOver: () => this.moveGroup(carriers()),
      revive: (node) => this.machineAt(node).keepAlive(),
      reattach: (node) => this.reattach(node),
      rollBack: (_node, then) => then(),
    });
  }

  moveGroup(carriers: readonly Place[]): void {
    const owner = this.newestState()?.groups[GROUP]?.owner;
    const to = carriers.find(({ name }) => name !== owner)?.name ?? null;
    const reason = 'the fault plan says so';
    this.submit({ kind: 'group-move', group: GROUP, to, reason, displaces: false, atMs: 0 });
  }

  /** Everything is healed: within `withinMs` nothing may be wrong any more. */
  awaitWhole(defects: () => readonly string[], withinMs: number): void {
    const { universe } = this;
    const deadline = universe.nowMs + withinMs;
    universe.runUntil(universe.nowMs + HEALED_MS);
    while (universe.violation === undefined && defects().length > 0 && universe.nowMs < deadline)
      universe.runUntil(universe.nowMs + LOOK_MS);
    const left = defects();
    if (left.length > 0)
      universe.violate('liveness', `${withinMs} ms after everything healed: ${left.join('; ')}`);
  }
}

function statusAt({ disk }: Machine): VolumeStatus | undefined {
  return disk?.process.alive === true ? disk.volumes.get(VOLUME)?.status() : undefined;
}
