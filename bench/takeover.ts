/**
 * For how long a client is without a service whose node has crashed: `npm run bench -- takeover [--only app|postgresql] [--rounds N]`. Two hosts and a witness, profile `lan`; everything on
 * the owner's host dies at once, and comes back before the next round. The client, on a third host, uses the floating address and writes all the time.
 *
 * - `app`: the demonstration's ledger on a mirrored volume
 * - `postgresql`: PostgreSQL on ext4 on a mirrored volume, as its template makes it
 */
import { hostsMissing } from '../test/e2e/support/hosts.ts';
import { LedgerService } from '../test/e2e/support/ledger-service.ts';
import { PostgresCluster, postgresMissing } from '../test/e2e/support/postgres-cluster.ts';
import type { ServedCluster } from '../test/e2e/support/served-cluster.ts';
import { median } from './lib/fio.ts';

interface Options {
  readonly rounds: number;
  readonly only: string | undefined;
}

interface Service {
  readonly name: string;
  readonly wantedMs: number;
  readonly missing: () => string | undefined;
  readonly make: () => ServedCluster;
}

const SERVICES: readonly Service[] = [
  { name: 'app', wantedMs: 2500, missing: hostsMissing, make: () => new LedgerService() },
  {
    name: 'postgresql',
    wantedMs: 4000,
    missing: () => hostsMissing() ?? postgresMissing(),
    make: () => new PostgresCluster(),
  },
];

export async function benchTakeover({ rounds, only }: Options): Promise<void> {
  for (const service of SERVICES)
    if (only === undefined || only === service.name) await crash(service, rounds);
}

async function crash({ name, wantedMs, missing, make }: Service, rounds: number): Promise<void> {
  const why = missing();
  if (why !== undefined) return show(name, why);
  const cluster = make();
  try {
    await cluster.setUp();
    await cluster.serve();
    const outagesMs: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const { owner, outageMs } = await cluster.crashOwner();
      outagesMs.push(outageMs);
      cluster.restart(owner);
      await cluster.untilWhole();
    }
    const all = outagesMs.map((ms) => ms.toFixed(0)).join(', ');
    show(name, `${median(outagesMs).toFixed(0)} ms (≤ ${wantedMs}), the median of ${all}`);
  } finally {
    cluster.remove();
  }
}

function show(name: string, text: string): void {
  process.stdout.write(`${name}: ${text}\n`);
}
