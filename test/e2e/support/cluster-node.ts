/** Cluster nodes and witnesses as a user runs them: `eterne node run`, `eterne witness run`, steered by `eterne VERB --dir DIR`. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { EterneError } from '@eterne/base';
import { callApi } from '@eterne/cluster/api/client.ts';
import { clusterStatus } from '@eterne/cluster/api/schema/status.ts';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import { DAEMON_NAMES, type DaemonName } from '@eterne/cluster/node/layout.ts';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { findCluster } from '../../../packages/cli/src/cluster/connection.ts';
import { eterne } from './disk-node.ts';

const ETERNE = fileURLToPath(new URL('../../../eterne', import.meta.url));

/** Its limit is for what hangs: a busy machine may take long. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  withinMs = 180_000,
): Promise<void> {
  const startedMs = performance.now();
  while (!(await isSo())) {
    assert.ok(performance.now() - startedMs < withinMs, `${what} within ${withinMs} ms`);
    await sleep(50);
  }
}

async function must(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await eterne(...args);
  assert.equal(code, 0, `eterne ${args.slice(0, 2).join(' ')}: ${stderr}`);
  return stdout;
}

export class ClusterNode {
  readonly name: string;
  readonly dir: string;
  readonly role: 'node' | 'witness';
  /** 127.0.0.x: every node its own host. */
  readonly host: string;
  readonly #wrapper: readonly string[];
  #process: ChildProcess | undefined;
  #api = '';

  /** `number` is unique in the test: it is the last byte of its address. `wrapper`: the words of a program that runs the node. */
  constructor(
    root: string,
    name: string,
    number: number,
    role: 'node' | 'witness',
    wrapper: readonly string[] = [],
  ) {
    this.#wrapper = wrapper;
    this.name = name;
    this.dir = join(root, name);
    this.role = role;
    this.host = `127.0.0.${number}`;
  }

  async found(): Promise<void> {
    await must('cluster', 'init', '--name', 'c', ...(await this.#place()));
    await this.start();
    await this.#isOnline(this);
  }

  async join(to: ClusterNode): Promise<void> {
    const { token } = JSON.parse(await must('cluster', 'token', '--json', '--dir', to.dir)) as {
      token: string;
    };
    const verb = this.role === 'node' ? 'cluster' : 'witness';
    await must(verb, 'join', ...(await this.#place()), '--token', token, '--to', to.#api);
    await this.start();
    await this.#isOnline(to);
  }

  async #isOnline(asked: ClusterNode): Promise<void> {
    await until(`${this.name} is online`, async () => {
      const status = await asked.status();
      return status?.nodes.some(({ name, state }) => name === this.name && state === 'online') ?? false;
    });
  }

  async #place(): Promise<readonly string[]> {
    const port = await freePort();
    this.#api = `${this.host}:${await freePort()}`;
    return ['--dir', this.dir, '--node', this.name, '--address', `${this.host}:${port}`, '--api', this.#api];
  }

  async start(): Promise<void> {
    const command = [ETERNE, this.role, 'run', '--dir', this.dir] as const;
    const [program, ...words] = this.#wrapper.length === 0 ? command : [...this.#wrapper, ...command];
    this.#process = spawn(program ?? ETERNE, words, { stdio: 'ignore' });
    if (this.role === 'node')
      await until(`${this.name} answers`, async () => (await this.status()) !== undefined);
  }

  /** What `eterne status --json --dir DIR` prints, without a process for each look. */
  async status(): Promise<ClusterStatus | undefined> {
    try {
      const [target] = await findCluster(createNodeWorld('test').files, { dir: this.dir }, {});
      return await callApi(target, { method: 'GET', path: '/api/v1/status' }, clusterStatus);
    } catch (error) {
      if (error instanceof EterneError) return undefined;
      throw error;
    }
  }

  async apply(document: string): Promise<void> {
    await must('config', 'apply', '--dir', this.dir, '-f', document);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#process?.kill(signal);
  }

  /** All its processes at once, as when its power fails. `programs`: others that go with it, which its heart would end only when their lease is over. */
  async losePower(programs: readonly number[] = []): Promise<void> {
    const pids = [...programs, ...this.processes().keys()];
    this.signal('SIGKILL');
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
      }
    }
    await this.ended();
  }

  /** Exit code of the launcher, once it has ended. */
  async ended(): Promise<number | null> {
    await until(
      `${this.name} ends`,
      () => this.#process?.exitCode !== null || this.#process.signalCode !== null,
    );
    return this.#process?.exitCode ?? null;
  }

  /** The daemons are the launcher's children; their titles or command lines name them. */
  pidOf(daemon: DaemonName): number | undefined {
    assert.ok(DAEMON_NAMES.includes(daemon));
    const pid = this.#process?.pid;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
    return children.find((child) => {
      const command = read(child, 'cmdline');
      return command.startsWith(`eterne-${daemon}`) || command.includes(`/daemons/${daemon}.ts`);
    });
  }

  /** Command lines of everything that belongs to this node, by pid. */
  processes(): Map<number, string> {
    const pids = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
    const all = pids.map((pid) => [pid, read(pid, 'cmdline')] as const);
    const isOurs = ([pid, command]: readonly [number, string]): boolean =>
      pid !== process.pid && command.includes(this.dir);
    return new Map(all.filter(isOurs));
  }
}

function read(pid: number, file: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // it ended while we looked
  }
}
