/** What tests of the agents of resource-agents have in common. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@eterne/runtime/node/ports.ts';

const AGENTS = '/usr/lib/ocf/resource.d/heartbeat';
const POSTGRES = '/usr/lib/postgresql';

export const isRoot = process.getuid?.() === 0;
export const hasAgent = (name: string): boolean => existsSync(join(AGENTS, name));

const binaries = (): string => {
  const [version] = existsSync(POSTGRES) ? readdirSync(POSTGRES).toSorted().toReversed() : [];
  return version === undefined ? '' : join(POSTGRES, version, 'bin');
};

/** Why `ocf:heartbeat:pgsql` cannot be run here; false when it can. */
export const noPostgres =
  !(isRoot && binaries() !== '' && hasAgent('pgsql')) && 'needs root, PostgreSQL and resource-agents';

export interface Postgres {
  readonly home: string;
  /** Of the agent. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly query: (sql: string) => string;
}

/** A database of nobody yet, in `dir`. */
export async function newPostgres(dir: string): Promise<Postgres> {
  chmodSync(dir, 0o755);
  const home = join(dir, 'pg');
  mkdirSync(home);
  execFileSync('chown', ['postgres:postgres', home]);
  const as = (...words: string[]): string =>
    execFileSync('setpriv', ['--reuid', 'postgres', '--regid', 'postgres', '--init-groups', ...words], {
      encoding: 'utf8',
      cwd: home,
    });
  as(join(binaries(), 'initdb'), '-D', join(home, 'data'), '-A', 'trust', '--no-sync');
  const port = await freePort();
  const psql = join(binaries(), 'psql');
  const params = {
    pgctl: join(binaries(), 'pg_ctl'),
    psql,
    pgdata: join(home, 'data'),
    logfile: join(home, 'log'),
    pgport: port,
    pghost: '127.0.0.1',
    start_opt: `-p ${port} -k ${home}`,
  };
  return {
    home,
    params,
    query: (sql) => as(psql, '-h', '127.0.0.1', '-p', String(port), '-Atc', sql).trim(),
  };
}
