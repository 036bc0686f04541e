/** Two nodes and, unless told otherwise, a witness, each on a host of its own (`hosts.ts`), as a user sets them up. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import type { ClusterEvent } from '@eterne/cluster/state/model.ts';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { Lab, type Host } from './hosts.ts';
import { processesWith } from './processes-with.ts';

const PATIENCE_MS = 180_000;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const ownedBy =
  (node: string) =>
  ({ groups: [group] }: ClusterStatus): boolean =>
    group?.owner === node && group.state === 'online';

export class HostedCluster {
  readonly folder: string;
  readonly lab: Pick<Lab, 'hosts' | 'host' | 'remove'>;
  /** The node or witness of each host. */
  readonly #members = new Map<string, ChildProcess>();
  /** The first cards, that the members begin with. */
  readonly #paths: number;

  /** `lab`: its hosts, where they are not those of one switch for each card. */
  constructor(name: string, cards = 1, paths = cards, lab?: HostedCluster['lab']) {
    this.#paths = paths;
    this.folder = mkdtempSync(join(tmpdir(), `eterne-${name}-`));
    this.lab = lab ?? new Lab(['n1', 'n2', 'w'], cards);
  }

  dir(name: string): string {
    return join(this.folder, name);
  }

  /** Runs until the test ends. */
  start(host: Host, log: string, command: string, ...words: string[]): ChildProcess {
    return host.start(join(this.folder, `${log}.log`), command, ...words);
  }

  /** `told`: what else `cluster init` is told. */
  async setUp(...told: readonly string[]): Promise<void> {
    const n1 = this.lab.host('n1');
    n1.eterne('cluster', 'init', '--name', 'lab', ...told, ...this.#place(n1));
    this.#run(n1, 'node');
    for (const host of this.lab.hosts.slice(1)) {
      const role = host.name === 'w' ? 'witness' : 'node';
      const token = this.#retry(() => n1.eterne('cluster', 'token', '--dir', this.dir('n1'))).trim();
      const verb = role === 'node' ? 'cluster' : 'witness';
      host.eterne(verb, 'join', ...this.#place(host), '--token', token, '--to', `${n1.address}:8443`);
      this.#run(host, role);
    }
    await this.waitFor(
      'n1',
      'all members',
      ({ nodes }) => nodes.filter(({ state }) => state === 'online').length === this.lab.hosts.length,
    );
  }

  #place({ name, addresses, address }: Host): string[] {
    const paths = addresses.slice(0, this.#paths).join(',');
    return `--dir ${this.dir(name)} --node ${name} --address ${paths} --api ${address}:8443`.split(' ');
  }

  #run(host: Host, role: 'node' | 'witness'): void {
    const words = [role, 'run', '--dir', this.dir(host.name)];
    this.#members.set(host.name, this.start(host, host.name, join(repositoryRoot, 'eterne'), ...words));
  }

  /** SIGKILL to the node's launcher and daemons; resolves when they are gone. */
  async kill(name: string): Promise<void> {
    const { pid } = this.#members.get(name) ?? {};
    if (pid === undefined) throw new Error(`${name} does not run`);
    process.kill(-pid, 'SIGKILL');
    while (processesWith('cmdline', this.dir(name)).length > 0) await sleep(50);
  }

  restart(name: string): void {
    this.#run(this.lab.host(name), 'node');
  }

  #retry(work: () => string): string {
    for (const startedMs = performance.now(); ;) {
      try {
        return work();
      } catch (error) {
        if (performance.now() - startedMs > PATIENCE_MS) throw error;
      }
    }
  }

  apply(document: string): void {
    const path = join(this.folder, 'lab.yaml');
    writeFileSync(path, document);
    this.lab.host('n1').eterne('config', 'apply', '-f', path, '--dir', this.dir('n1'));
  }

  /** `eterne …` as a user of this node; the error's message has what it said. */
  eterne(name: string, ...words: string[]): string {
    return this.lab.host(name).eterne(...words, '--dir', this.dir(name));
  }

  status(name: string): ClusterStatus | undefined {
    try {
      return JSON.parse(this.eterne(name, 'status', '--json')) as ClusterStatus;
    } catch {
      return undefined;
    }
  }

  events(name: string): readonly ClusterEvent[] {
    return (JSON.parse(this.eterne(name, 'events', '--json')) as { events: ClusterEvent[] }).events;
  }

  async waitFor(name: string, what: string, holds: (status: ClusterStatus) => boolean): Promise<void> {
    for (const startedMs = performance.now(); performance.now() - startedMs < PATIENCE_MS; await sleep(250)) {
      const status = this.status(name);
      if (status && holds(status)) return;
    }
    throw new Error(`${name}: waited too long for ${what}\n${JSON.stringify(this.status(name), null, 1)}`);
  }

  /** How many processes carry this in their environment. */
  programs(mark: string): number {
    return processesWith('environ', `${mark}\0`).length;
  }

  remove(): void {
    for (const host of this.lab.hosts) host.crash();
    this.lab.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
