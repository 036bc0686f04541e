/** `eterne cluster migrate-log --to embedded|etcd`: begins the move, and follows it to its end. */
import { EterneError } from '@eterne/base';
import { clusterStatus } from '@eterne/cluster/api/schema/status.ts';
import { accepted } from '@eterne/cluster/api/schema/names.ts';
import { nodeTimers } from '@eterne/runtime/node/clock.ts';
import { Option, type Command } from 'commander';
import { openSession, withConnection } from './session.ts';

type Engine = 'embedded' | 'etcd';
type Session = Awaited<ReturnType<typeof openSession>>;

const LOOK_MS = 200;
/** Longer than the leader waits for all nodes to be ready. */
const PATIENCE_MS = 120_000;

export function migrateLogVerb(cluster: Command): void {
  withConnection(cluster.command('migrate-log'))
    .description(
      'move the log that the cluster agrees by into etcd (cluster.consensus), or back into the nodes',
    )
    .addOption(new Option('--to <engine>', 'where to').choices(['embedded', 'etcd']).makeOptionMandatory())
    .action(async ({ to }: { to: Engine }, command: Command) => {
      const session = await openSession(command);
      const path = '/api/v1/cluster/migrate-log';
      await session.ask({ method: 'POST', path, body: { to } }, accepted);
      const { consensus } = await moved(session, to);
      session.print(
        consensus,
        () => `the log is kept by ${consensus.engine} now, in epoch ${consensus.epoch}`,
      );
    });
}

async function moved(session: Session, to: Engine): Promise<Awaited<ReturnType<typeof look>> & object> {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += LOOK_MS) {
    const status = await look(session);
    const { engine, phase } = status?.consensus ?? {};
    if (status && engine === to && status.quorate) return status;
    if (status && engine !== to && (phase === 'settling' || phase === 'steady'))
      throw stayed(status.consensus.trouble);
    await new Promise<void>((resolve) => nodeTimers.after(LOOK_MS, resolve));
  }
  throw new EterneError('timeout', 'the log has not arrived yet; `eterne status` tells how far it has got');
}

/** Undefined while nobody answers. */
async function look(session: Session) {
  try {
    return await session.ask({ method: 'GET', path: '/api/v1/status' }, clusterStatus);
  } catch (error) {
    if (!(error instanceof EterneError)) throw error;
    return undefined;
  }
}

function stayed(trouble: string | null): EterneError {
  return new EterneError('refused', `the log stays where it is${trouble === null ? '' : `: ${trouble}`}`, {
    hint: '`eterne events` tells which node did not reach etcd',
  });
}
