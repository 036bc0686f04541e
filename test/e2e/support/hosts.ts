/**
 * Hosts made of network namespaces on one switch (a bridge in a namespace of its own), so that links can be cut for real and nothing outside
 * is touched. Needs root and iproute2.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';

const run = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: 'utf8' });

/** Why hosts cannot be made here; undefined when they can. */
export function hostsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  try {
    run('ip', 'netns', 'list');
    return undefined;
  } catch {
    return 'needs ip (iproute2)';
  }
}

export class Host {
  readonly name: string;
  readonly address: string;
  readonly #namespace: string;
  readonly #switch: string;
  readonly #port: string;

  constructor(name: string, address: string, namespace: string, switchNamespace: string, port: string) {
    this.name = name;
    this.address = address;
    this.#namespace = namespace;
    this.#switch = switchNamespace;
    this.#port = port;
  }

  /** Runs a program on this host to its end. */
  run(command: string, ...args: string[]): string {
    return run('ip', 'netns', 'exec', this.#namespace, command, ...args);
  }

  eterne(...args: string[]): string {
    return this.run(join(repositoryRoot, 'eterne'), ...args);
  }

  start(logPath: string, command: string, ...args: string[]): ChildProcess {
    const log = openSync(logPath, 'a');
    const words = ['netns', 'exec', this.#namespace, command, ...args];
    return spawn('ip', words, { stdio: ['ignore', log, log], detached: true });
  }

  /** Pulls the host's network cable. */
  cut(): void {
    run('ip', '-n', this.#switch, 'link', 'set', this.#port, 'down');
  }

  heal(): void {
    run('ip', '-n', this.#switch, 'link', 'set', this.#port, 'up');
  }
}

export class Lab {
  readonly hosts: readonly Host[];
  readonly #namespaces: readonly string[];

  /** Hosts 10.77.0.1, 10.77.0.2 … */
  constructor(names: readonly string[]) {
    const prefix = `et${process.pid}`;
    const switchNamespace = `${prefix}-switch`;
    run('ip', 'netns', 'add', switchNamespace);
    run('ip', '-n', switchNamespace, 'link', 'add', 'br0', 'type', 'bridge');
    run('ip', '-n', switchNamespace, 'link', 'set', 'br0', 'up');
    this.hosts = names.map((name, index) => {
      const namespace = `${prefix}-${name}`;
      const address = `10.77.0.${index + 1}`;
      addHost(namespace, switchNamespace, `port${index}`, address);
      return new Host(name, address, namespace, switchNamespace, `port${index}`);
    });
    this.#namespaces = [...names.map((name) => `${prefix}-${name}`), switchNamespace];
  }

  host(name: string): Host {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (!host) throw new Error(`no host ${name}`);
    return host;
  }

  remove(): void {
    for (const namespace of this.#namespaces) run('ip', 'netns', 'del', namespace);
  }
}

function addHost(namespace: string, switchNamespace: string, port: string, address: string): void {
  run('ip', 'netns', 'add', namespace);
  run(
    'ip',
    'link',
    'add',
    'eth0',
    'netns',
    namespace,
    'type',
    'veth',
    'peer',
    'name',
    port,
    'netns',
    switchNamespace,
  );
  run('ip', '-n', switchNamespace, 'link', 'set', port, 'master', 'br0', 'up');
  run('ip', '-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  run('ip', '-n', namespace, 'link', 'set', 'eth0', 'up');
  run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
}
