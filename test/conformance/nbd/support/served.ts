/** A plain store served over NBD, for tools that we did not write. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EterneError } from '@eterne/base';
import { ByteDevice } from '@eterne/disk/nbd/byte-device.ts';
import { NbdServer } from '@eterne/disk/nbd/server.ts';
import type { BlockStore, TlsIdentity } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { plainDevice } from '../../../../packages/disk/test/support/plain-device.ts';

export interface Served {
  readonly folder: string;
  readonly store: string;
  /** `unix:PATH` or `host:port`. */
  readonly address: string;
  close(): Promise<void>;
}

/** Export `v0`, sparse, at `address` (`unix`: a socket in its folder). */
export async function serve(
  sizeBytes: number,
  address: 'unix' | '127.0.0.1:0',
  tls?: TlsIdentity,
): Promise<Served> {
  const world = { ...createNodeWorld('test'), log: () => {} };
  const folder = mkdtempSync(join(tmpdir(), 'eterne-nbd-'));
  const store = join(folder, 'store.img');
  const opened = await new Promise<BlockStore>((resolve, reject) => {
    world.stores.open(store, { createSizeBytes: sizeBytes }, (result) =>
      result instanceof EterneError ? reject(result) : resolve(result),
    );
  });
  const where = address === 'unix' ? `unix:${join(folder, 'nbd.sock')}` : address;
  const server = await new Promise<NbdServer>((resolve, reject) => {
    const listening = (result: NbdServer | EterneError): void =>
      result instanceof EterneError ? reject(result) : resolve(result);
    NbdServer.listen(world, where, 'v0', listening, tls);
  });
  server.serve(new ByteDevice(plainDevice('v0', opened)));
  const close = async (): Promise<void> => {
    server.close();
    await new Promise<void>((closed) => opened.close(closed));
    rmSync(folder, { recursive: true });
  };
  return { folder, store, address: server.address, close };
}

/** For a test's `skip`. */
export function missing(tool: string): string | false {
  return spawnSync('which', [tool]).status === 0 ? false : `${tool} is not installed`;
}
