/** Hosts that are far apart: network namespaces on one network that delays and loses what it carries (`far-network-main.ts`). */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { Host, hostsMissing } from './hosts.ts';

const run = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });

export interface Distance {
  /** In each direction. */
  readonly delayMs: number;
  readonly lossPercent: number;
}

/** Why they cannot be made here; undefined when they can. */
export function farLabMissing(): string | undefined {
  return hostsMissing() ?? (existsSync('/dev/net/tun') ? undefined : 'needs /dev/net/tun');
}

export class FarLab {
  readonly hosts: readonly Host[];
  readonly #namespaces: readonly string[];
  readonly #network: ChildProcess;

  private constructor(hosts: readonly Host[], namespaces: readonly string[], network: ChildProcess) {
    this.hosts = hosts;
    this.#namespaces = namespaces;
    this.#network = network;
  }

  /** Hosts 10.78.0.1, 10.78.0.2 … */
  static async make(names: readonly string[], { delayMs, lossPercent }: Distance): Promise<FarLab> {
    const taps = names.map((_, index) => `far${process.pid}-${index}`);
    const program = join(repositoryRoot, 'test/e2e/support/far-network-main.ts');
    const network = spawn(process.execPath, [program, `${delayMs}`, `${lossPercent}`, ...taps], {
      stdio: ['ignore', 'ignore', 'inherit'],
      // Each interface is read by a thread of its own, and one more writes.
      env: { ...process.env, UV_THREADPOOL_SIZE: `${names.length + 2}` },
    });
    while (!taps.every(isThere)) {
      if (network.exitCode !== null) throw new Error('the far network has ended');
      await sleep(50);
    }
    const namespaces = names.map((name) => `et${process.pid}-far-${name}`);
    const hosts = names.map((name, index) =>
      makeHost(name, namespaces[index] ?? '', taps[index] ?? '', `10.78.0.${index + 1}`),
    );
    return new FarLab(hosts, namespaces, network);
  }

  host(name: string): Host {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (!host) throw new Error(`no host ${name}`);
    return host;
  }

  remove(): void {
    this.#network.kill('SIGKILL');
    for (const namespace of this.#namespaces) run('netns', 'del', namespace);
  }
}

function isThere(tap: string): boolean {
  return run('-brief', 'link').includes(tap);
}

function makeHost(name: string, namespace: string, tap: string, address: string): Host {
  run('netns', 'add', namespace);
  run('-n', namespace, 'link', 'set', 'lo', 'up');
  run('link', 'set', tap, 'netns', namespace);
  run('-n', namespace, 'link', 'set', tap, 'name', 'eth0');
  run('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  run('-n', namespace, 'link', 'set', 'eth0', 'up');
  return new Host(name, [address], namespace, '', []);
}
