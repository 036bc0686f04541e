/**
 * Hosts made of network namespaces on one switch (a bridge in a namespace of its own), so that links can be cut for real and nothing outside
 * is touched. Needs root and iproute2.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
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
  /** One per network card; card 0 is `eth0`. */
  readonly addresses: readonly string[];
  readonly #namespace: string;
  readonly #switch: string;
  readonly #ports: readonly string[];

  constructor(
    name: string,
    addresses: readonly string[],
    namespace: string,
    switchNamespace: string,
    ports: readonly string[],
  ) {
    this.name = name;
    this.addresses = addresses;
    this.#namespace = namespace;
    this.#switch = switchNamespace;
    this.#ports = ports;
  }

  get address(): string {
    return this.addresses[0] ?? '';
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

  /** Everything that runs here dies, as when its power goes, and what was mounted only here is gone. */
  crash(): void {
    const others = loopsMounted('self');
    const loops = new Set(this.#pids().flatMap(loopsMounted));
    // What a process starts while it is killed is killed in the next round.
    for (let left = this.#pids(); left.length > 0; left = this.#pids()) left.forEach(kill);
    for (const loop of loops) if (!others.includes(loop)) run('losetup', '--detach', loop);
  }

  #pids(): number[] {
    return run('ip', 'netns', 'pids', this.#namespace).split('\n').filter(Boolean).map(Number);
  }

  /** Pulls the host's network cables, or that of one card. */
  cut(card?: number): void {
    this.#set(card, 'down');
  }

  heal(card?: number): void {
    this.#set(card, 'up');
  }

  #set(card: number | undefined, state: 'down' | 'up'): void {
    for (const [index, port] of this.#ports.entries())
      if (card === undefined || card === index) run('ip', '-n', this.#switch, 'link', 'set', port, state);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Loop devices that a process sees mounted; none of one that has ended. */
function loopsMounted(pid: number | 'self'): string[] {
  const path = `/proc/${pid}/mounts`;
  const mounts = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return mounts.split('\n').flatMap((line) => /^(\/dev\/loop\d+) /.exec(line)?.[1] ?? []);
}

export class Lab {
  readonly hosts: readonly Host[];
  readonly #namespaces: readonly string[];
  readonly #switch: string;

  /** Hosts 10.77.0.1, 10.77.0.2 … on one switch; with more cards 10.77.1.1 … on another one for each. */
  constructor(names: readonly string[], cards = 1) {
    const prefix = `et${process.pid}`;
    const switchNamespace = `${prefix}-switch`;
    run('ip', 'netns', 'add', switchNamespace);
    for (let card = 0; card < cards; card += 1) {
      run('ip', '-n', switchNamespace, 'link', 'add', `br${card}`, 'type', 'bridge');
      run('ip', '-n', switchNamespace, 'link', 'set', `br${card}`, 'up');
    }
    this.hosts = names.map((name, index) => {
      const namespace = `${prefix}-${name}`;
      run('ip', 'netns', 'add', namespace);
      run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
      const all = Array.from({ length: cards }, (_, card) => card);
      const ports = all.map((card) => `port${index}-${card}`);
      const addresses = all.map((card) => `10.77.${card}.${index + 1}`);
      for (const card of all)
        addCard(namespace, switchNamespace, card, ports[card] ?? '', addresses[card] ?? '');
      return new Host(name, addresses, namespace, switchNamespace, ports);
    });
    this.#namespaces = [...names.map((name) => `${prefix}-${name}`), switchNamespace];
    this.#switch = switchNamespace;
  }

  host(name: string): Host {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (!host) throw new Error(`no host ${name}`);
    return host;
  }

  /** A cable between the switches of two cards: whoever is on one reaches whoever is on the other. */
  joinSwitches(one: number, other: number): void {
    const [near, far] = [`join${one}-${other}`, `join${other}-${one}`];
    run('ip', '-n', this.#switch, 'link', 'add', near, 'type', 'veth', 'peer', 'name', far);
    run('ip', '-n', this.#switch, 'link', 'set', near, 'master', `br${one}`, 'up');
    run('ip', '-n', this.#switch, 'link', 'set', far, 'master', `br${other}`, 'up');
  }

  remove(): void {
    for (const namespace of this.#namespaces) run('ip', 'netns', 'del', namespace);
  }
}

function addCard(
  namespace: string,
  switchNamespace: string,
  card: number,
  port: string,
  address: string,
): void {
  const name = `eth${card}`;
  const end = ['type', 'veth', 'peer', 'name', port, 'netns', switchNamespace];
  run('ip', 'link', 'add', name, 'netns', namespace, ...end);
  run('ip', '-n', switchNamespace, 'link', 'set', port, 'master', `br${card}`, 'up');
  run('ip', '-n', namespace, 'address', 'add', `${address}/24`, 'dev', name);
  run('ip', '-n', namespace, 'link', 'set', name, 'up');
}
