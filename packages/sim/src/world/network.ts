import { assert } from '@eterne/base';
import type { Address } from '@eterne/runtime';
import type { SimNode } from './node.ts';
import type { Prng } from './prng.ts';
import type { ProcessNetwork } from './process-network.ts';
import type { SimProcess } from './process.ts';
import type { SimStream } from './stream.ts';
import type { Universe } from './universe.ts';

/** One direction between two machines. */
export interface Link {
  /** False: nothing passes, silently. */
  up: boolean;
  latencyMs: readonly [number, number];
  bytesPerMs: number;
  /** Of datagrams; streams retransmit. */
  loss: number;
  duplicates: number;
  /** Chance that a segment of a stream arrives with a byte changed that no checksum of the network has noticed. */
  corruption: number;
}

/** After a link heals, TCP's retransmission timers fire within this time. */
const RETRANSMIT_MS = 400;
const LOOPBACK: Link = {
  up: true,
  latencyMs: [0.005, 0.03],
  bytesPerMs: 4_000_000,
  loss: 0,
  duplicates: 0,
  corruption: 0,
};

/** Anything that waits for a heal: a stream with segments or acknowledgements held back. */
interface Stalled {
  readonly process: SimProcess;
  retransmit(): boolean;
}

/** All wires: which machine may reach which, and who listens where. */
export class SimNetwork {
  readonly universe: Universe;
  readonly random: Prng;
  readonly listeners = new Map<string, { readonly owner: ProcessNetwork; accept(stream: SimStream): void }>();
  readonly sockets = new Map<
    string,
    { readonly owner: ProcessNetwork; receive(payload: Buffer, from: Address): void }
  >();
  private readonly links = new Map<string, Link>();
  private readonly hosts = new Map<string, SimNode>();
  /** Which path a host lies on, where a machine has several. */
  private readonly paths = new Map<string, string>();
  private readonly stalled = new Set<Stalled>();
  private nextPort = 40_000;

  constructor(universe: Universe) {
    this.universe = universe;
    this.random = universe.prng('network');
  }

  /** `path`: a network of its own, beside and below the one that every machine is in; a machine that is cut off is so on all of them. */
  assignHost(host: string, node: SimNode, path = ''): void {
    assert(!this.hosts.has(host), `${host} has two owners`);
    this.hosts.set(host, node);
    if (path !== '') this.paths.set(host, path);
  }

  /** Empty: the one that every machine is in. */
  pathOf(address: Address): string {
    return this.paths.get(hostOf(address)) ?? '';
  }

  /** The machine an address belongs to, as seen from `from`: its own for unix sockets and loopback. */
  nodeAt(address: Address, from: SimNode): SimNode | undefined {
    if (address.startsWith('unix:')) return from;
    const host = hostOf(address);
    return host.startsWith('127.') || host === '0.0.0.0' ? from : this.hosts.get(host);
  }

  linkBetween(from: SimNode, to: SimNode, path = ''): Link {
    if (from === to) return LOOPBACK;
    const key = path === '' ? `${from.name}>${to.name}` : `${from.name}>${to.name} ${path}`;
    let link = this.links.get(key);
    if (link === undefined) {
      link = { ...LOOPBACK, latencyMs: [0.05, 0.3], bytesPerMs: 120_000 };
      this.links.set(key, link);
    }
    return link;
  }

  passes(from: SimNode, to: SimNode, path = ''): boolean {
    if (!from.poweredOn || !to.poweredOn || !this.linkBetween(from, to).up) return false;
    return path === '' || this.linkBetween(from, to, path).up;
  }

  /** Cuts or heals one direction; of one path, or of all. */
  setLink(from: SimNode, to: SimNode, up: boolean, path = ''): void {
    const link = this.linkBetween(from, to, path);
    if (link.up === up) return;
    link.up = up;
    const name = path === '' ? '' : ` on path ${path}`;
    this.universe.trace.line('network', `${from.name} → ${to.name}${name} ${up ? 'heals' : 'is cut'}`);
    if (up) this.wake();
  }

  /** Something may pass again: everything held back is retried, each in its own time. */
  wake(): void {
    for (const stream of this.stalled)
      this.universe.scheduler.after(this.random.between(1, RETRANSMIT_MS), () => {
        if (this.stalled.delete(stream) && !stream.retransmit()) this.stalled.add(stream);
      });
  }

  stall(stream: Stalled): void {
    this.stalled.add(stream);
  }

  /** A closed end; what its kernel still has to send stays with the stalled ones. */
  forget(stream: SimStream): void {
    stream.process.network.forget(stream);
  }

  claimPort(): number {
    this.nextPort += 1;
    return this.nextPort;
  }
}

/** `10.0.0.1:7701` → `10.0.0.1`. */
export function hostOf(address: Address): string {
  return address.slice(0, address.lastIndexOf(':'));
}
