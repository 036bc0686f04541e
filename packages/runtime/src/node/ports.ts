import { createServer, type Server } from 'node:net';

function bind(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** `count` loopback ports, each free together with the next one; distinct pairs. Somebody else may take one before it is used. */
export async function freePortPairs(count: number): Promise<number[]> {
  const held: Server[] = [];
  const ports: number[] = [];
  while (ports.length < count) {
    const first = await bind(0);
    if (!first) continue;
    held.push(first);
    const second = await bind(portOf(first) + 1);
    if (!second) continue;
    held.push(second);
    ports.push(portOf(first));
  }
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
