/** Disk processes as a user runs them: `eterne disk run` on a configuration file, steered by `eterne disk VERB`. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PeerStatus, VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { WaitGoal } from '@eterne/disk/process/wait.ts';
import { callHttp } from '@eterne/runtime/node/http.ts';
import { freePort } from '@eterne/runtime/node/ports.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const NODE = join(ROOT, 'node_modules/.bin/node');
const MAIN = join(ROOT, 'packages/cli/src/main.ts');
/** As the `eterne` script has it: a command then starts in half the time. */
const environment = (): NodeJS.ProcessEnv => ({
  NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/eterne-code'),
  ...process.env,
});

export interface Exit {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `eterne …` to its end. */
export function eterne(...args: readonly string[]): Promise<Exit> {
  return new Promise((resolve) => {
    execFile(NODE, [MAIN, ...args], { env: environment() }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
  });
}

export class DiskNode {
  readonly name: string;
  readonly folder: string;
  readonly configPath: string;
  readonly control: string;
  readonly image: string;
  readonly metadata: string;
  readonly nbdPath: string;
  readonly replicationPort: number;
  #process: ChildProcess | undefined;
  #stderr = '';

  constructor(folder: string, name: string, configuration: string, replicationPort = 0) {
    this.name = name;
    this.folder = folder;
    this.configPath = join(folder, `${name}.yaml`);
    this.control = join(folder, `${name}.ctl`);
    this.image = join(folder, `${name}.img`);
    this.metadata = join(folder, `${name}.meta`);
    this.nbdPath = join(folder, `${name}.nbd`);
    this.replicationPort = replicationPort;
    writeFileSync(this.configPath, configuration);
  }

  get uri(): string {
    return `nbd+unix:///v0?socket=${this.nbdPath}`;
  }

  /** What the disk process has written to stderr since its start. */
  get stderr(): string {
    return this.#stderr;
  }

  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  /** Resolves once it says that it is ready. */
  async start(): Promise<void> {
    const child = spawn(NODE, [MAIN, 'disk', 'run', '--config', this.configPath], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    this.#stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', (code) =>
        reject(new Error(`node ${this.name} ended with ${code}: ${this.#stderr}`)),
      );
    });
  }

  /** `kill -9` of the disk process; its workers die with it. Resolves when it is gone. */
  async kill(): Promise<void> {
    const workers = await this.workerPids().catch(() => []);
    await this.#end('SIGKILL');
    await Promise.all(workers.map(untilGone));
  }

  /** Clean end; answers the exit code. */
  stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async workerPids(): Promise<readonly number[]> {
    return childrenOf(this.pid);
  }

  /** `eterne disk VERB v0 …` as a command. */
  run(verb: string, ...args: readonly string[]): Promise<Exit> {
    return eterne('disk', verb, 'v0', '--control', this.control, ...args);
  }

  /** A verb straight through the control socket: what the command does, without a process for each. */
  async must(
    verb: 'promote' | 'demote' | 'connect' | 'disconnect' | 'verify' | 'resync' | 'invalidate',
    body: object = {},
  ): Promise<void> {
    await this.#call('POST', `/v1/volumes/v0/${verb}`, body);
  }

  async wait(goal: WaitGoal, timeoutMs = 180_000): Promise<void> {
    await this.#call('POST', '/v1/volumes/v0/wait', { for: goal, timeoutMs }, timeoutMs + 5000);
  }

  async status(): Promise<VolumeStatus> {
    const { volumes } = (await this.#call('GET', '/v1/status')) as { volumes: VolumeStatus[] };
    const [volume] = volumes;
    if (volume === undefined) throw new Error(`${this.name} shows no volume`);
    return volume;
  }

  /** How it sees the other node of a pair. */
  async peer(): Promise<PeerStatus> {
    const [peer] = (await this.status()).peers;
    if (peer === undefined) throw new Error(`${this.name} has no peer`);
    return peer;
  }

  async #call(method: 'GET' | 'POST', path: string, body?: object, timeoutMs = 120_000): Promise<unknown> {
    try {
      return await callHttp(`unix:${this.control}`, {
        method,
        path,
        timeoutMs,
        ...(body === undefined ? {} : { body }),
      });
    } catch (error) {
      throw new Error(`node ${this.name}: ${path}: ${(error as Error).message}\n${this.#stderr}`, {
        cause: error,
      });
    }
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    child.kill(signal);
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  }
}

function childrenOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.trim().split(' ').filter(Boolean).map(Number);
}

async function untilGone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export interface MirrorPair {
  readonly a: DiskNode;
  readonly b: DiskNode;
  readonly folder: string;
  /** Ends both and removes everything. */
  remove(): Promise<void>;
}

/** A node's `device` and `metadata`, instead of files beside its configuration, and exports beside NBD. */
export type StoresOf = (
  node: 'a' | 'b',
  folder: string,
) => { readonly device: string; readonly metadata: string; readonly exports?: string };

/** How the nodes reach each other, instead of one address each: the addresses under which a node knows its peer, and lines of `replication`. */
export type LinksOf = (
  node: 'a' | 'b',
  ports: Readonly<Record<'a' | 'b', number>>,
  folder: string,
) => { readonly addresses: readonly string[]; readonly replication?: string };

const directly: LinksOf = (node, ports) => ({ addresses: [`127.0.0.1:${ports[node === 'a' ? 'b' : 'a']}`] });

export const filesOf: StoresOf = (node) => ({ device: `${node}.img`, metadata: `${node}.meta` });

/** Two nodes `a` and `b` with one volume `v0`, not yet started. `extra`: further lines of the volume; NODE stands for the node's name. */
export async function mirrorPair(
  size: string,
  extra: readonly string[] = [],
  storesOf: StoresOf = filesOf,
  linksOf: LinksOf = directly,
): Promise<MirrorPair> {
  const folder = mkdtempSync(join(tmpdir(), 'eterne-mirror-'));
  const ports = { a: await freePort(), b: await freePort() };
  const make = (name: 'a' | 'b', peer: 'a' | 'b'): DiskNode => {
    const { device, metadata, exports = '' } = storesOf(name, folder);
    const { addresses, replication = '' } = linksOf(name, ports, folder);
    const lines = [
      `node: ${name}`,
      `control: ${name}.ctl`,
      `replication: { listen: 127.0.0.1:${ports[name]}${replication} }`,
      'volumes:',
      '  - name: v0',
      `    size: ${size}`,
      '    mode: sync',
      `    device: ${device}`,
      `    metadata: ${metadata}`,
      `    peers: { ${peer}: [${addresses.join(', ')}] }`,
      `    exports: [{ nbd: { listen: unix:${name}.nbd } }${exports}]`,
      ...extra.map((line) => `    ${line.replaceAll('NODE', name)}`),
    ];
    return new DiskNode(folder, name, `${lines.join('\n')}\n`, ports[name]);
  };
  const a = make('a', 'b');
  const b = make('b', 'a');
  const remove = async (): Promise<void> => {
    await Promise.all([a.kill(), b.kill()]);
    rmSync(folder, { recursive: true });
  };
  return { a, b, folder, remove };
}

/** Before its first start. */
export const withInternalMetadata = (node: DiskNode): void =>
  reword(node, /metadata: .*/, 'metadata: internal');

/** Before its first start. */
export const asynchronous = (node: DiskNode): void => reword(node, 'mode: sync', 'mode: async');

function reword({ configPath }: DiskNode, from: RegExp | string, to: string): void {
  writeFileSync(configPath, readFileSync(configPath, 'utf8').replace(from, to));
}

/** Afterwards `a` is primary and both replicas are equal. */
export async function startSynced(pair: MirrorPair): Promise<void> {
  await Promise.all([pair.a.start(), pair.b.start()]);
  await pair.a.wait('connected');
  await pair.a.must('promote', { force: true });
  await pair.a.wait('synced');
  // It hears of it a moment later.
  await pair.b.wait('uptodate');
}
