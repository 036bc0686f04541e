/** Two disk processes of ours on loopback, one mirrored volume, promoted and in sync. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { sleep, waitForFile, type Servers } from './processes.ts';

const eterne = join(repositoryRoot, 'eterne');
const storelessProcess = join(repositoryRoot, 'bench', 'lib', 'storeless', 'disk-process.ts');

export interface Mirror {
  readonly uri: string;
  disk(node: string, ...words: string[]): string;
}

export interface MirrorOptions {
  /** False: the same engine alone, which shows what replication costs. */
  readonly peers: boolean;
  /** False: the data goes nowhere, which shows what storing it costs. */
  readonly stores?: boolean;
}

export async function startMirror(
  servers: Servers,
  parent: string,
  sizeBytes: number,
  options: MirrorOptions,
): Promise<Mirror> {
  const hasStores = options.stores ?? true;
  const folder = join(parent, `${options.peers ? 'mirror' : 'alone'}${hasStores ? '' : '-storeless'}`);
  mkdirSync(folder);
  const nodes = options.peers ? ['a', 'b'] : ['a'];
  const ports = new Map<string, number>();
  for (const node of nodes) ports.set(node, await freePort());
  for (const node of nodes) {
    const peers = nodes
      .filter((name) => name !== node)
      .map((name) => `${name}: [127.0.0.1:${ports.get(name)}]`)
      .join(', ');
    const config = [
      `node: ${node}`,
      `control: ${node}.ctl`,
      `replication: { listen: 127.0.0.1:${ports.get(node)} }`,
      'volumes:',
      '  - name: v0',
      `    size: ${sizeBytes}`,
      `    device: ${node}.${hasStores ? 'img' : 'null'}`,
      `    metadata: ${node}.meta`,
      `    peers: { ${peers} }`,
      '    initialSync: none',
      '    exports:',
      `      - nbd: { listen: 'unix:${node}.nbd' }`,
    ];
    writeFileSync(join(folder, `${node}.yaml`), `${config.join('\n')}\n`);
    const path = join(folder, `${node}.yaml`);
    if (hasStores) servers.start(eterne, ['disk', 'run', '--config', path]);
    else servers.start(process.execPath, [storelessProcess, path]);
  }
  for (const node of nodes) await waitForFile(join(folder, `${node}.ctl`));
  const disk = (node: string, ...words: string[]): string =>
    execFileSync(eterne, ['disk', ...words, '--control', join(folder, `${node}.ctl`)], { encoding: 'utf8' });
  if (options.peers) disk('a', 'wait', 'v0', '--for', 'connected', '--timeout', '20s');
  await untilItWorks(() => disk('a', 'promote', 'v0', '--force'));
  if (options.peers) disk('a', 'wait', 'v0', '--for', 'synced', '--timeout', '120s');
  return { uri: `nbd+unix:///v0?socket=${join(folder, 'a.nbd')}`, disk };
}

/** A volume opens a moment after its control socket; until then it refuses. */
async function untilItWorks(work: () => unknown): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      work();
      return;
    } catch (error) {
      if (tries === 20) throw error;
      await sleep(250);
    }
  }
}
