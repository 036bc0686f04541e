/** A hosted cluster with one service at a floating address, and a client on the witness's host that writes down what it was acknowledged, and when. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { monotonicMs } from './clients/monotonic.ts';
import { HostedCluster, sleep } from './hosted-cluster.ts';

/** What a client appends to its file, a line of JSON for each; the numbers rise. */
export interface Acknowledged {
  readonly number: number;
  /** CLOCK_MONOTONIC, which the hosts share. */
  readonly atMs: number;
}

const PATIENCE_MS = 180_000;

export abstract class ServedCluster extends HostedCluster {
  readonly address = '10.77.0.100';

  /** Its configuration, as an administrator writes it. */
  protected abstract document(): string;
  /** Program and arguments of the client; it appends to `file`. */
  protected abstract client(file: string): readonly [string, ...string[]];
  /** What an administrator does once the service runs. */
  protected prepare(): void {}
  protected crash(owner: string): void {
    this.lab.host(owner).crash();
  }

  async serve(): Promise<void> {
    this.apply(this.document());
    await this.untilWhole();
    this.prepare();
    const [program, ...words] = this.client(this.#file);
    const node = join(repositoryRoot, 'node_modules/.bin/node');
    this.start(this.lab.host('w'), 'client', node, join(import.meta.dirname, 'clients', program), ...words);
    await this.acknowledges();
  }

  get #file(): string {
    return join(this.folder, 'acknowledged');
  }

  /** The group is online, and all copies are equal. Answers who owns it. */
  async untilWhole(): Promise<string> {
    const isWhole = ({ quorate, groups: [group], volumes, nodes }: ClusterStatus): boolean =>
      quorate &&
      group?.state === 'online' &&
      nodes.every(({ state }) => state === 'online') &&
      volumes.every(({ inSyncSet }) => inSyncSet.length === 2);
    await this.waitFor('w', 'the group and both copies', isWhole);
    return this.status('w')?.groups[0]?.owner ?? assert.fail('the group has an owner');
  }

  acknowledged(): readonly Acknowledged[] {
    if (!existsSync(this.#file)) return [];
    const lines = readFileSync(this.#file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Acknowledged);
  }

  /** The first acknowledgement from now on. */
  async acknowledges(): Promise<Acknowledged> {
    const sinceMs = monotonicMs();
    for (; monotonicMs() - sinceMs < PATIENCE_MS; await sleep(100)) {
      const found = this.acknowledged().find(({ atMs }) => atMs > sinceMs);
      if (found !== undefined) return found;
    }
    throw new Error('the service does not answer');
  }

  /** Until `count` more are, however slow this machine is. */
  async acknowledgesMore(count: number): Promise<void> {
    const [sinceMs, before] = [monotonicMs(), this.acknowledged().length];
    while (this.acknowledged().length < before + count) {
      assert.ok(
        monotonicMs() - sinceMs < PATIENCE_MS,
        `${this.acknowledged().length - before} of ${count} acknowledged`,
      );
      await sleep(100);
    }
  }

  /** Everything on the owner's host dies at once. Answers for how long the client was without the service, in ms. */
  async crashOwner(): Promise<{ readonly owner: string; readonly outageMs: number }> {
    const owner = await this.untilWhole();
    await this.acknowledges();
    const crashedMs = monotonicMs();
    this.crash(owner);
    const { atMs } = await this.acknowledges();
    return { owner, outageMs: atMs - crashedMs };
  }
}
