/** Three real etcd servers on loopback, as many as run of them. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePortPairs } from '@eterne/runtime/node/ports.ts';
import { EterneError } from '@eterne/base';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { openGrpcStore } from '../../../src/etcd/store/grpc-store.ts';
import { createAuthority, issueCertificate } from '../../../src/pki/authority.ts';
import { createRequest } from '../../../src/pki/request.ts';

export const noEtcd = spawnSync('etcd', ['--version']).status !== 0 && 'needs etcd (etcd-server)';

export interface Pems {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Files of a CA and one certificate for servers and clients on loopback. */
export async function makePems(dir: string): Promise<Pems> {
  const { random, clock } = createNodeWorld('test');
  const context = { random, nowMs: clock.wallMs() };
  const authority = await createAuthority('etcd', context);
  const { keyPem, requestPem } = await createRequest('etcd');
  const subject = { cluster: 'etcd', node: 'etcd', hosts: ['127.0.0.1'] };
  const certPem = await issueCertificate(authority, subject, requestPem, context);
  const pems = { ca: join(dir, 'ca.pem'), cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') };
  writeFileSync(pems.ca, authority.certPem);
  writeFileSync(pems.cert, certPem);
  writeFileSync(pems.key, keyPem);
  return pems;
}

export class EtcdServers {
  readonly dir = mkdtempSync(join(tmpdir(), 'eterne-etcd-'));
  readonly #pems: Pems | undefined;
  readonly #ports: readonly number[];
  readonly #running = new Map<number, ChildProcess>();

  private constructor(ports: readonly number[], pems: Pems | undefined) {
    this.#ports = ports;
    this.#pems = pems;
  }

  static async start(options: { readonly pems?: Pems } = {}): Promise<EtcdServers> {
    const servers = new EtcdServers(await freePortPairs(3), options.pems);
    for (const index of servers.#ports.keys()) servers.run(index);
    await servers.healthy();
    return servers;
  }

  /** `host:port` for clients. */
  get endpoints(): readonly string[] {
    return this.#ports.map((port) => `127.0.0.1:${port}`);
  }

  run(index: number): void {
    const port = this.#ports[index] ?? 0;
    const scheme = this.#pems ? 'https' : 'http';
    const client = `${scheme}://127.0.0.1:${port}`;
    const peer = `http://127.0.0.1:${port + 1}`;
    const cluster = this.#ports.map((each, i) => `e${i}=http://127.0.0.1:${each + 1}`).join(',');
    const tls = this.#pems
      ? [
          `--cert-file=${this.#pems.cert}`,
          `--key-file=${this.#pems.key}`,
          `--trusted-ca-file=${this.#pems.ca}`,
          '--client-cert-auth',
        ]
      : [];
    const child = spawn(
      'etcd',
      [
        `--name=e${index}`,
        `--data-dir=${join(this.dir, `e${index}`)}`,
        '--log-level=error',
        `--listen-client-urls=${client}`,
        `--advertise-client-urls=${client}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=${cluster}`,
        ...tls,
      ],
      { stdio: 'ignore' },
    );
    this.#running.set(index, child);
  }

  /** SIGKILL, and gone. */
  async kill(index: number): Promise<void> {
    const child = this.#running.get(index);
    if (!child) return;
    this.#running.delete(index);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  pause(index: number): void {
    this.#running.get(index)?.kill('SIGSTOP');
  }

  resume(index: number): void {
    this.#running.get(index)?.kill('SIGCONT');
  }

  /** Waits until a majority answers. */
  async healthy(): Promise<void> {
    const world = createNodeWorld('test');
    const store = openGrpcStore(world, { endpoints: this.endpoints, tls: this.tls });
    for (let tries = 0; tries < 100; tries += 1) {
      const isThere = await new Promise<boolean>((resolve) =>
        store.txn({ compare: [], success: [{ kind: 'range', key: 'x' }], failure: [] }, 2000, (answer) =>
          resolve(!(answer instanceof EterneError)),
        ),
      );
      if (isThere) return store.close();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('etcd does not come up');
  }

  get tls(): { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer } | undefined {
    if (!this.#pems) return undefined;
    return {
      ca: readFileSync(this.#pems.ca),
      cert: readFileSync(this.#pems.cert),
      key: readFileSync(this.#pems.key),
    };
  }

  async stop(): Promise<void> {
    for (const index of this.#ports.keys()) await this.kill(index);
    rmSync(this.dir, { recursive: true });
  }
}
