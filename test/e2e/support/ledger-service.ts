/** The demonstration's ledger as a service that is seen from outside: on a mirrored volume, at a floating address. */
import { join } from 'node:path';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { ServedCluster } from './served-cluster.ts';

const PORT = 9000;

export class LedgerService extends ServedCluster {
  readonly #listen = `${this.address}:${PORT}`;

  constructor() {
    super('ledger');
  }

  protected document(): string {
    const ledger = join(repositoryRoot, 'packages/cli/src/demo/ledger/main.ts');
    const replicas = Object.fromEntries(['n1', 'n2'].map((node) => [node, join(this.folder, `${node}.img`)]));
    const app = {
      name: 'book',
      type: 'app',
      command: [process.execPath, ledger, '${vol.device}', this.#listen],
      directory: this.folder,
      check: { quick: { tcp: this.#listen, interval: '1s', timeout: '1s' } },
    };
    const mirror = { name: 'vol', type: 'mirror', volume: 'data', attach: 'none' };
    const address = { name: 'address', type: 'ip', address: `${this.address}/24`, interfaces: ['eth0'] };
    return JSON.stringify({
      volumes: [{ name: 'data', size: '256MiB', replicas }],
      groups: [{ name: 'ledger', nodes: ['n1', 'n2'], resources: [mirror, address, app] }],
    });
  }

  protected client(file: string): [string, ...string[]] {
    return ['ledger-client.ts', this.#listen, file];
  }
}
