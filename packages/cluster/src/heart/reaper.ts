/**
 * The driver of a `Guard`: kills what it condemns, again and again until nothing of it is left. Heart and monitor each have one.
 *
 * 1. A condemned group's processes get SIGKILL at once, by their mark and by process group; no stop scripts. By mark first: whose child a process is
 *    that does not show it is known only as long as its parent lives.
 * 2. It looks at the boot clock again and again, as timers stand still while the machine is suspended and leases do not.
 * 3. What is registered of a group that is being killed is killed with it.
 * 4. What survives (a fork that raced the kill, a process in uninterruptible sleep) is killed again every 50 ms.
 */
import type { ProcessTrees, Timer, World } from '@eterne/runtime';
import { Guard, type Registration } from './guard.ts';
import type { Lease } from './lease-client.ts';

const SWEEP_INTERVAL_MS = 50;
/** Falls together with the heart's beats. */
const LOOK_INTERVAL_MS = 200;

export type ReaperWorld = Pick<World, 'clock' | 'timers' | 'processes' | 'log'> & {
  readonly processTrees: ProcessTrees;
};

export class Reaper {
  readonly #world: ReaperWorld;
  readonly #onCondemned: (groups: readonly string[]) => void;
  readonly #guard = new Guard();
  readonly #waiting: { readonly group: string; readonly done: () => void }[] = [];
  #leases: ReadonlyMap<string, Lease> = new Map();
  #deadline: Timer | undefined;
  #sweep: Timer | undefined;
  /** While anything is guarded. */
  #looking: Timer | undefined;

  constructor(world: ReaperWorld, onCondemned: (groups: readonly string[]) => void) {
    this.#world = world;
    this.#onCondemned = onCondemned;
  }

  register(registrations: readonly Registration[]): void {
    const deadlineOf = (group: string): number | undefined => {
      const lease = this.#leases.get(group);
      return lease && lease.validUntilBootMs + lease.graceMs;
    };
    this.#guard.register(registrations, deadlineOf, this.#world.clock.bootMs());
    for (const { group } of this.#waiting) this.#guard.condemnGroup(group);
    this.#arm();
  }

  leased(leases: ReadonlyMap<string, Lease>): void {
    this.#leases = leases;
    for (const [group, lease] of leases) this.#guard.extend(group, lease.validUntilBootMs + lease.graceMs);
    this.#arm();
  }

  /** Calls back when every process of the group is gone, which a process in uninterruptible sleep may delay for ever. */
  killGroup(group: string, done: () => void): void {
    this.#guard.condemnGroup(group);
    this.#waiting.push({ group, done });
    this.#kill();
  }

  /** Something of the group that is condemned may live. */
  isKillingGroup(group: string): boolean {
    return this.#guard.condemned.some((registration) => registration.group === group);
  }

  /** Something that is condemned lives. */
  get isKilling(): boolean {
    return this.#guard.condemned.length > 0;
  }

  close(): void {
    this.#deadline?.cancel();
    this.#sweep?.cancel();
    this.#looking?.cancel();
  }

  #arm(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
    const atMs = this.#guard.nextDeadlineMs;
    if (atMs === Number.POSITIVE_INFINITY) {
      this.#looking?.cancel();
      this.#looking = undefined;
      return;
    }
    this.#looking ??= this.#world.timers.every(LOOK_INTERVAL_MS, () => this.#look());
    const delayMs = Math.max(0, atMs - this.#world.clock.bootMs());
    this.#deadline = this.#world.timers.after(delayMs, () => this.#condemn());
  }

  /** Duty 2. */
  #look(): void {
    if (this.#world.clock.bootMs() >= this.#guard.nextDeadlineMs) this.#condemn();
  }

  #condemn(): void {
    const groups = this.#guard.condemn(this.#world.clock.bootMs());
    if (groups.length > 0) {
      this.#world.log('error', 'lease and grace are over: killing', { groups });
      this.#kill();
      this.#onCondemned(groups);
    }
    this.#arm();
  }

  #kill(): void {
    for (const registration of this.#guard.condemned)
      if (!this.#killProcesses(registration)) this.#guard.gone(registration);
    const left = new Set(this.#guard.condemned.map(({ group }) => group));
    const finished = this.#waiting.filter(({ group }) => !left.has(group));
    for (const waiter of finished) this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
    this.#sweep?.cancel();
    this.#sweep = undefined;
    if (left.size > 0) this.#sweep = this.#world.timers.after(SWEEP_INTERVAL_MS, () => this.#kill());
    for (const { done } of finished) done();
  }

  /** True when something was still there to be killed. */
  #killProcesses({ processes, mark }: Registration): boolean {
    const alive = processes.filter(({ pid, startTime }) => this.#world.processes.alive(pid, startTime));
    const marked = this.#world.processTrees.killMarked(mark);
    for (const { pid } of alive) this.#world.processes.killGroup(pid, 'SIGKILL');
    return marked > 0 || alive.length > 0;
  }
}
