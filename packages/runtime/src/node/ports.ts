/**
 * Loopback ports for demonstrations, tests and benchmarks, from below the range in which the kernel picks the ports of outgoing
 * connections: a server that restarts must not find its port taken by somebody's client, or dialled into itself by its peer.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

const LOWEST = 10_000;
/** Where outgoing connections begin when the kernel does not say (its own default). */
const EPHEMERAL_DEFAULT = 32_768;

function firstEphemeralPort(): number {
  try {
    const first = Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10);
    return first > LOWEST + 1000 ? first : EPHEMERAL_DEFAULT;
  } catch {
    return EPHEMERAL_DEFAULT;
  }
}

function bind(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));

/** `count` ports, each free together with the next one; distinct pairs. Somebody else may take one before it is used. */
export async function freePortPairs(count: number): Promise<number[]> {
  const highest = firstEphemeralPort() - 1;
  const held: Server[] = [];
  const ports: number[] = [];
  while (ports.length < count) {
    const port = randomInt(LOWEST, highest);
    const first = await bind(port);
    if (!first) continue;
    held.push(first);
    const second = await bind(port + 1);
    if (!second) continue;
    held.push(second);
    ports.push(port);
  }
  await Promise.all(held.map(close));
  return ports;
}

/** One port, likewise. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePortPairs(1);
  return port;
}
