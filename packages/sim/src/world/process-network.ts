import { EterneError } from '@eterne/base';
import type {
  Address,
  ConnectOptions,
  DatagramSocket,
  Listener,
  Network,
  SecureOptions,
  Stream,
} from '@eterne/runtime';
import { hostOf } from './network.ts';
import type { SimProcess } from './process.ts';
import { SimStream } from './stream.ts';

/** The `Network` port of one process. TLS identities are accepted and ignored: the simulator trusts its wires. */
export class ProcessNetwork implements Network {
  private readonly process: SimProcess;
  private readonly streams = new Set<SimStream>();
  private readonly bound = new Set<string>();

  constructor(process: SimProcess) {
    this.process = process;
  }

  listen(
    address: Address,
    onStream: (stream: Stream) => void,
    done: (result: Listener | EterneError) => void,
  ): void {
    const { process } = this;
    if (!process.alive) return;
    const { network } = process.node.universe;
    const real = this.withPort(address);
    const key = this.keyOf(real);
    if (network.listeners.has(key)) {
      process.later(0, () => done(new EterneError('busy', `${real} is in use`)));
      return;
    }
    network.listeners.set(key, {
      owner: this,
      accept: (stream) => {
        this.streams.add(stream);
        process.enter(() => onStream(stream));
      },
    });
    this.bound.add(key);
    const close = (): void => {
      if (network.listeners.get(key)?.owner === this) network.listeners.delete(key);
    };
    process.later(0, () => done({ address: real, close }));
  }

  connect(address: Address, options: ConnectOptions, done: (result: Stream | EterneError) => void): void {
    const { process } = this;
    if (!process.alive) return;
    const { network, scheduler } = process.node.universe;
    const target = network.nodeAt(address, process.node);
    const path = network.pathOf(address);
    let answered = false;
    const answer = (result: Stream | EterneError): void => {
      if (answered) {
        if (!(result instanceof EterneError)) result.destroy();
        return;
      }
      answered = true;
      patience.cancel();
      done(result);
    };
    const patience = process.world.timers.after(options.timeoutMs, () =>
      answer(new EterneError('timeout', `${address} does not answer`)),
    );
    if (target === undefined) return;
    const travel = (): number => {
      const [low, high] = network.linkBetween(process.node, target, path).latencyMs;
      return network.random.between(low, high);
    };
    scheduler.after(travel(), () => {
      if (!process.alive || !network.passes(process.node, target, path)) return;
      const listener = network.listeners.get(`${target.name}|${address}`);
      if (listener === undefined) {
        scheduler.after(travel(), () => {
          if (!network.passes(target, process.node, path)) return;
          process.enter(() => answer(new EterneError('unreachable', `${address} refused the connection`)));
        });
        return;
      }
      const local = `${process.node.hosts[0]}:${network.claimPort()}`;
      const near = new SimStream(network, process, local, address, path);
      const far = new SimStream(network, listener.owner.process, address, local, path);
      SimStream.pair(near, far);
      this.streams.add(near);
      listener.accept(far);
      scheduler.after(travel(), () => {
        if (network.passes(target, process.node, path)) process.enter(() => answer(near));
      });
    });
  }

  secure(stream: Stream, _options: SecureOptions, done: (result: Stream | EterneError) => void): void {
    this.process.later(0, () => done(stream));
  }

  datagram(
    bind: Address,
    onMessage: (payload: Buffer, from: Address) => void,
    done: (result: DatagramSocket | EterneError) => void,
  ): void {
    const { process } = this;
    if (!process.alive) return;
    const { network } = process.node.universe;
    const address = this.withPort(bind);
    const key = this.keyOf(address);
    if (network.sockets.has(key)) {
      process.later(0, () => done(new EterneError('busy', `${address} is in use`)));
      return;
    }
    network.sockets.set(key, {
      owner: this,
      receive: (payload, from) => process.enter(() => onMessage(payload, from)),
    });
    this.bound.add(key);
    const close = (): void => {
      if (network.sockets.get(key)?.owner === this) network.sockets.delete(key);
    };
    const send = (to: Address, payload: Buffer): void => this.sendDatagram(address, to, Buffer.from(payload));
    process.later(0, () => done({ address, send, close }));
  }

  /** Every connection on this path breaks. */
  breakPath(path: string): void {
    for (const stream of Array.from(this.streams)) if (stream.path === path) stream.breakOff();
  }

  forget(stream: SimStream): void {
    this.streams.delete(stream);
  }

  ownerDied(cause: 'killed' | 'power'): void {
    const { network } = this.process.node.universe;
    for (const key of this.bound) {
      if (network.listeners.get(key)?.owner === this) network.listeners.delete(key);
      if (network.sockets.get(key)?.owner === this) network.sockets.delete(key);
    }
    for (const stream of Array.from(this.streams)) stream.ownerDied(cause);
    this.streams.clear();
  }

  private sendDatagram(from: Address, to: Address, payload: Buffer): void {
    const { process } = this;
    if (!process.alive) return;
    const { network, scheduler, trace } = process.node.universe;
    const target = network.nodeAt(to, process.node);
    if (target === undefined) return;
    const link = network.linkBetween(process.node, target);
    trace.mix(payload.length);
    const copies = network.random.chance(link.duplicates) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (network.random.chance(link.loss)) continue;
      scheduler.after(network.random.between(link.latencyMs[0], link.latencyMs[1]), () => {
        if (!network.passes(process.node, target)) return;
        const socket =
          network.sockets.get(`${target.name}|${to}`) ??
          network.sockets.get(`${target.name}|0.0.0.0:${to.slice(to.lastIndexOf(':') + 1)}`);
        socket?.receive(Buffer.from(payload), from);
      });
    }
  }

  private keyOf(address: Address): string {
    return `${this.process.node.name}|${address}`;
  }

  private withPort(address: Address): Address {
    if (address.startsWith('unix:') || !address.endsWith(':0')) return address;
    return `${hostOf(address)}:${this.process.node.universe.network.claimPort()}`;
  }
}
