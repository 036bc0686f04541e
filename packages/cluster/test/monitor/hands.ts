/** A monitor's hands on the real machine, with a launcher's job done in this process. */
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { nodeDirectoryUsers } from '@eterne/runtime/node/directory-users.ts';
import { nodeFrames } from '@eterne/runtime/node/frames.ts';
import { nodeFileSystems } from '@eterne/runtime/node/file-systems.ts';
import { nodeInterfaces } from '@eterne/runtime/node/interfaces.ts';
import { nodeProcessTrees } from '@eterne/runtime/node/process-trees.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import type { Registration } from '../../src/heart/guard.ts';
import type { Lease } from '../../src/heart/lease-client.ts';
import type { MonitorHands, MonitorHeart } from '../../src/monitor/monitor.ts';
import type { FamilyExit } from '../../src/monitor/spawner.ts';
import { spawnFamily } from '../../src/node/families.ts';
import { logFolder, runFolder } from '../../src/node/layout.ts';
import type { ResourceSpec } from '../../src/ports.ts';

export async function makeHands(context: Pick<TestContext, 'after'>): Promise<MonitorHands> {
  const dir = await mkdtemp(join(tmpdir(), 'eterne-monitor-'));
  await mkdir(runFolder(dir));
  await mkdir(logFolder(dir));
  context.after(() => rm(dir, { recursive: true, force: true }));
  const world = { ...createNodeWorld('test'), processTrees: nodeProcessTrees, log: () => {} };
  const listeners: ((exit: FamilyExit) => void)[] = [];
  const spawner: MonitorHands['spawner'] = {
    spawn: (options, done) =>
      spawnFamily(
        world,
        options,
        () => undefined,
        done,
        (exit) => {
          for (const listener of listeners) listener(exit);
        },
      ),
    onExit: (listener) => listeners.push(listener),
  };
  return {
    world,
    spawner,
    frames: nodeFrames,
    directories: nodeDirectoryUsers,
    interfaces: nodeInterfaces,
    fileSystems: nodeFileSystems,
    node: 'n1',
    dir,
  };
}

/** A heart that leases as long as the test says. */
export class FakeHeart implements MonitorHeart {
  registrations: readonly Registration[] = [];
  readonly #listeners: ((leases: ReadonlyMap<string, Lease>) => void)[] = [];

  onLease(listener: (leases: ReadonlyMap<string, Lease>) => void): void {
    this.#listeners.push(listener);
  }

  register(registrations: readonly Registration[]): void {
    this.registrations = registrations;
  }

  /** The monitor that listened is dead. */
  forgetMonitor(): void {
    this.#listeners.length = 0;
  }

  lease(group: string, epoch: number, validUntilBootMs: number, graceMs = 0): void {
    const lease: Lease = { epoch, validUntilBootMs, graceMs, volumes: [] };
    for (const listener of this.#listeners) listener(new Map([[group, lease]]));
  }
}

export function app(params: Record<string, unknown>): ResourceSpec {
  return { group: 'g', name: 'app', type: 'app', params };
}
