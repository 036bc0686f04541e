import { assert } from '@eterne/base';
import { SimDisk } from './disk.ts';
import { SimFileSystem } from './file-system.ts';
import type { Prng } from './prng.ts';
import { SimProcess } from './process.ts';
import type { Universe } from './universe.ts';

/** Crystals are off by at most this much (parts per million); a lease's drift margin must cover it. */
const DRIFT_PPM_MAX = 500;

/**
 * A machine: clocks, disks, a file system and the processes running on it. Processes die alone (`crash`) or all at
 * once with the power (`powerOff`), which also empties every volatile cache.
 */
export class SimNode {
  readonly universe: Universe;
  readonly name: string;
  readonly hosts: readonly string[];
  readonly random: Prng;
  readonly disks = new Map<string, SimDisk>();
  readonly fileSystem: SimFileSystem;
  readonly processes = new Set<SimProcess>();
  poweredOn = true;
  /** For the checkers: told in the instant of a power loss. */
  onPowerLoss: (() => void) | undefined;
  boots = 1;
  private readonly rate: number;
  private bootedAtMs = 0;
  private wallOffsetMs: number;
  private nextPid = 100;

  constructor(universe: Universe, name: string, hosts: readonly string[]) {
    this.universe = universe;
    this.name = name;
    this.hosts = hosts;
    this.random = universe.prng(`node:${name}`);
    this.rate = 1 + this.random.between(-DRIFT_PPM_MAX, DRIFT_PPM_MAX) / 1e6;
    this.bootedAtMs = -this.random.between(1_000, 100_000);
    this.wallOffsetMs = 1.79e12 + this.random.between(-5_000, 5_000);
    this.fileSystem = new SimFileSystem(this);
  }

  /** This machine's CLOCK_BOOTTIME: starts near zero at each boot and runs at its own crystal's rate. */
  bootMs(): number {
    return (this.universe.nowMs - this.bootedAtMs) * this.rate;
  }

  wallMs(): number {
    return Math.floor(this.universe.nowMs + this.wallOffsetMs);
  }

  stepWallClock(byMs: number): void {
    this.wallOffsetMs += byMs;
  }

  /** True time that passes while this machine's clock counts `localMs`. */
  trueDelay(localMs: number): number {
    return localMs / this.rate;
  }

  /** The disk behind a path; made blank on first use. */
  disk(path: string): SimDisk {
    let disk = this.disks.get(path);
    if (disk === undefined) {
      disk = new SimDisk(this.universe, `${this.name}:${path}`);
      this.disks.set(path, disk);
    }
    return disk;
  }

  start(name: string): SimProcess {
    assert(this.poweredOn, `${this.name} has no power to start ${name}`);
    const process = new SimProcess(this, name, this.nextPid);
    this.nextPid += 1;
    this.processes.add(process);
    return process;
  }

  /** Power loss: every process and every volatile byte is gone, and nothing is said to anybody. */
  powerOff(): void {
    if (!this.poweredOn) return;
    this.universe.trace.line(this.name, 'loses power');
    this.poweredOn = false;
    this.onPowerLoss?.();
    for (const process of Array.from(this.processes)) process.vanish('power');
    for (const disk of this.disks.values()) disk.losePower();
    this.fileSystem.losePower();
  }

  powerOn(): void {
    if (this.poweredOn) return;
    this.universe.trace.line(this.name, 'boots');
    this.poweredOn = true;
    this.boots += 1;
    this.bootedAtMs = this.universe.nowMs - this.random.between(1_000, 20_000);
    this.universe.network.wake();
  }
}
