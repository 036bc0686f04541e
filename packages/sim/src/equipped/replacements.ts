/** Disks that are taken out, put back, or replaced by blank ones, where a node can go on serving from its peer meanwhile. */
import type { EterneError } from '@eterne/base';
import type { MirrorScenario } from '../mirror/scenario.ts';
import type { SimDisk } from '../world/disk.ts';
import type { SimNode } from '../world/node.ts';
import type { Prng } from '../world/prng.ts';

/** So long a disk that has failed stays where it is until nobody counts on it any more, and it may be replaced. */
const OUT_OF_SET_MS = 6_000;
const LOOK_MS = 100;

export class Replacements {
  readonly #scenario: MirrorScenario;

  constructor(scenario: MirrorScenario) {
    this.#scenario = scenario;
  }

  replace(node: SimNode, chance: Prng): (() => void) | undefined {
    const disk = chance.pick(this.#scenario.dataDisksOf(node));
    if (disk === undefined) return undefined;
    disk.broken = true;
    return () => this.#replaceLater(node, disk, this.#scenario.universe.nowMs + OUT_OF_SET_MS);
  }

  /** By the operator: the same disk comes back. */
  takeOut(node: SimNode): (() => void) | undefined {
    const host = this.#scenario.hosts.get(node.name);
    const volume = host?.volume;
    if (host === undefined || volume === undefined || !host.process.alive) return undefined;
    let isOut = false;
    let isWantedBack = false;
    host.process.enter(() =>
      volume.detach((error) => {
        isOut = error === undefined;
        this.#scenario.universe.count(isOut ? 'disks detached' : 'detaching refused');
        if (isOut && isWantedBack) this.#attach(node, false);
      }),
    );
    return () => {
      isWantedBack = true;
      if (isOut) this.#attach(node, false);
    };
  }

  /** Only of a replica outside the set: a member is trusted to have what it had. */
  #replaceLater(node: SimNode, disk: SimDisk, untilMs: number): void {
    const { truth, universe } = this.#scenario;
    const isMember = truth.members.includes(node.name);
    if (isMember && universe.nowMs < untilMs)
      return void universe.scheduler.after(LOOK_MS, () => this.#replaceLater(node, disk, untilMs));
    disk.broken = false;
    if (!isMember) {
      this.#scenario.beforeDisksChange(node);
      disk.replace();
      this.#scenario.diskReplaced(node);
      universe.count('disks replaced');
      universe.trace.line(node.name, 'has a new disk');
    }
    this.#attach(node, !isMember);
  }

  #attach(node: SimNode, replaced: boolean): void {
    const scenario = this.#scenario;
    const host = scenario.hosts.get(node.name);
    const volume = host?.volume;
    const restart = (): void => {
      host?.process.crash();
      scenario.supervisor.revive(node);
    };
    if (host === undefined || volume === undefined || !host.process.alive) return restart();
    const { disk, role } = volume.status();
    if (disk !== 'Failed' && disk !== 'Diskless') return replaced ? restart() : undefined;
    host.process.enter(() =>
      volume.attach({ replaced }, (error) => {
        this.#note(node, role, error);
        if (error !== undefined || role === 'secondary') restart();
      }),
    );
  }

  #note(node: SimNode, role: string, error: EterneError | undefined): void {
    const { universe } = this.#scenario;
    universe.trace.line('operator', `attaches the disk of ${node.name}: ${error?.message ?? 'done'}`);
    universe.count(
      error === undefined ? `disks attached to a ${role}` : `attaching refused: ${error.message}`,
    );
  }
}
