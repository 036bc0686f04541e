/** The demonstration's cluster: two nodes and a witness, one mirrored volume, one group with the ledger on it. */
import { join } from 'node:path';
import { EterneError } from '@eterne/base';
import { callApi } from '@eterne/cluster/api/client.ts';
import { clusterStatus } from '@eterne/cluster/api/schema/status.ts';
import { decodeToken } from '@eterne/cluster/pki/token.ts';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import type { World } from '@eterne/runtime';
import { freePortPairs } from '@eterne/runtime/node/ports.ts';
import { makeFolders, writeText } from '@eterne/runtime/node/scratch.ts';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { Machine, runEterne } from './machine.ts';

export const GROUP = 'ledger';
export const VOLUME = 'ledger';
const VOLUME_SIZE = '256MiB';
const ADMIN = 'admin';

/** What `cluster init --json` prints. */
export interface Access {
  readonly user: string;
  readonly password: string;
  readonly token: string;
}

export type Say = (line: string) => void;

export class DemoCluster {
  readonly machines: readonly Machine[];
  readonly ledgerAddress: string;
  readonly #world: World;
  readonly #folder: string;
  #access: Access = { user: ADMIN, password: '', token: '' };

  private constructor(world: World, folder: string, machines: readonly Machine[], ledgerAddress: string) {
    this.#world = world;
    this.#folder = folder;
    this.machines = machines;
    this.ledgerAddress = ledgerAddress;
  }

  /** Nothing runs yet. */
  static async create(world: World, folder: string): Promise<DemoCluster> {
    const ports = await freePortPairs(7);
    const machines = ['n1', 'n2', 'w'].map((name, index) => {
      const dir = join(folder, name);
      const [address, api] = [ports[2 * index], ports[2 * index + 1]].map((port) => `127.0.0.1:${port}`);
      const kind = name === 'w' ? 'witness' : 'node';
      return new Machine(world, { name, kind, dir, address: address ?? '', api: api ?? '' });
    });
    makeFolders(machines.map(({ spec }) => spec.dir));
    return new DemoCluster(world, folder, machines, `127.0.0.1:${ports[6]}`);
  }

  get access(): Access {
    return this.#access;
  }

  get nodes(): readonly Machine[] {
    return this.machines.filter(({ spec }) => spec.kind === 'node');
  }

  machine(name: string): Machine {
    const machine = this.machines.find(({ spec }) => spec.name === name);
    if (!machine) throw new EterneError('not-found', `no machine ${name}`);
    return machine;
  }

  imagePath(node: string): string {
    return join(this.#folder, node, 'ledger.img');
  }

  consoleUrl(node: string): string {
    return `https://${this.machine(node).spec.api}/`;
  }

  /** From nothing to a running service, by the commands that an administrator would type. */
  async setUp(say: Say): Promise<void> {
    const [n1, n2, witness] = this.machines;
    if (!n1 || !n2 || !witness) throw new EterneError('not-found', 'three machines');
    const { dir, name, address, api } = n1.spec;
    say(`eterne cluster init   node ${name} founds the cluster "demo"`);
    const words = [
      '--dir',
      dir,
      '--name',
      'demo',
      '--node',
      name,
      '--address',
      address,
      '--api',
      api,
      '--json',
    ];
    this.#access = JSON.parse(await runEterne(this.#world, ['cluster', 'init', ...words])) as Access;
    say(`eterne node run       ${name}: API and console at ${this.consoleUrl(name)}`);
    n1.start();
    await this.waitFor('the first node leads', (status) => status.leader === name);
    for (const machine of [n2, witness]) await this.#join(machine, say);
    say(`eterne config apply   volume ${VOLUME} (${VOLUME_SIZE}, mirrored on n1 and n2), group ${GROUP}`);
    await this.#configure();
    await this.waitFor('the service is online', (status) => groupOf(status)?.state === 'online');
    await this.waitFor('both replicas are up to date', isInSync);
  }

  async #join(machine: Machine, say: Say): Promise<void> {
    const { kind, name, dir, address, api } = machine.spec;
    say(`eterne ${kind === 'node' ? 'cluster' : 'witness'} join   ${name}`);
    const first = this.machines[0]?.spec.api ?? '';
    const token = (await this.#cli('cluster', 'token')).trim();
    const verb = [kind === 'node' ? 'cluster' : 'witness', 'join'];
    const where = ['--dir', dir, '--node', name, '--address', address, '--api', api];
    await runEterne(this.#world, [...verb, ...where, '--token', token, '--to', first]);
    machine.start();
    await this.waitFor(`${name} is online`, (status) =>
      status.nodes.some((node) => node.name === name && node.state === 'online'),
    );
  }

  async #configure(): Promise<void> {
    const path = join(this.#folder, 'demo.yaml');
    writeText(path, this.#document());
    await this.#cli('config', 'apply', '-f', path);
  }

  #document(): string {
    const program = join(repositoryRoot, 'packages/cli/src/demo/ledger/main.ts');
    return `cluster:
  tieBreaker: { kind: witness }
volumes:
  - { name: ${VOLUME}, size: ${VOLUME_SIZE}, mode: sync, replicas: { n1: ${this.imagePath('n1')}, n2: ${this.imagePath('n2')} } }
groups:
  - name: ${GROUP}
    nodes: [n1, n2]
    resources:
      - { name: vol, type: mirror, volume: ${VOLUME}, attach: none }
      - name: book
        type: app
        command: [${process.execPath}, ${program}, "\${vol.device}", "${this.ledgerAddress}"]
        directory: ${this.#folder}
        check: { quick: { tcp: "${this.ledgerAddress}", interval: 1s, timeout: 1s } }
        restart: { attempts: 3, window: 10m }
`;
  }

  /** A command of the eterne CLI against whichever node answers. */
  async #cli(...words: string[]): Promise<string> {
    const api = this.nodes.find(({ pid }) => pid !== undefined)?.spec.api ?? '';
    return runEterne(this.#world, ['--api', `https://${api}`, '--token', this.#access.token, ...words]);
  }

  async group(verb: 'stop' | 'start'): Promise<void> {
    await this.#cli('group', verb, GROUP);
  }

  #target(machine: Machine) {
    const { token } = this.#access;
    const { authorityFingerprint } = decodeToken('api', token);
    return { url: `https://${machine.spec.api}`, token, authorityFingerprint };
  }

  /** From any running node; undefined when none answers. */
  async status(): Promise<ClusterStatus | undefined> {
    for (const machine of this.nodes) {
      if (machine.pid === undefined) continue;
      try {
        return await callApi(
          this.#target(machine),
          { method: 'GET', path: '/api/v1/status', timeoutMs: 1000 },
          clusterStatus,
        );
      } catch (error) {
        if (!(error instanceof EterneError)) throw error;
      }
    }
    return undefined;
  }

  /** Polls the status until `holds`; rejects with `timeout` after a minute. */
  async waitFor(what: string, holds: (status: ClusterStatus) => boolean): Promise<ClusterStatus> {
    const deadlineMs = this.#world.clock.bootMs() + 60_000;
    for (;;) {
      const status = await this.status();
      if (status && holds(status)) return status;
      if (this.#world.clock.bootMs() > deadlineMs) {
        throw new EterneError('timeout', `waited a minute for: ${what}`);
      }
      await new Promise<void>((resolve) => this.#world.timers.after(50, resolve));
    }
  }
}

export const groupOf = (status: ClusterStatus) => status.groups.find(({ name }) => name === GROUP);

const volumeOf = (status: ClusterStatus) => status.volumes.find(({ name }) => name === VOLUME);

/** Every replica holds everything, and the cluster has agreed that it does. */
export function isInSync(status: ClusterStatus): boolean {
  const volume = volumeOf(status);
  return (
    status.quorate &&
    volume !== undefined &&
    volume.inSyncSet.length === 2 &&
    volume.replicas.every(({ disk, dirtyBytes }) => disk === 'UpToDate' && dirtyBytes === 0)
  );
}

/** Rises with every take-over: tells a new status from one of before. */
export const termOf = (status: ClusterStatus): number => volumeOf(status)?.term ?? 0;
