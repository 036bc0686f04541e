/** PostgreSQL as its template makes it: on ext4 on a mirrored volume, at a floating address. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, globSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ServedCluster } from './served-cluster.ts';

const PORT = '5432';
const PASSWORD = 'only-for-this-test';
const VOLUME_SIZE = '256MiB';
const [initdb] = globSync('/usr/lib/postgresql/*/bin/initdb');

/** Why PostgreSQL cannot be served here; undefined when it can. */
export function postgresMissing(): string | undefined {
  if (initdb === undefined) return 'needs PostgreSQL';
  const tools = [
    '/usr/lib/ocf/resource.d/heartbeat/pgsql',
    '/usr/bin/nbdfuse',
    '/dev/loop-control',
    '/dev/fuse',
  ];
  const missing = tools.find((path) => !existsSync(path));
  return missing === undefined ? undefined : `needs ${missing}`;
}

export class PostgresCluster extends ServedCluster {
  readonly #bin = dirname(initdb ?? '');

  constructor() {
    super('postgres');
    // The server is not root, and its socket and directory are in here.
    chmodSync(this.folder, 0o755);
    mkdirSync(this.#sockets);
    chmodSync(this.#sockets, 0o777);
  }

  /** Its sockets go with it, as what is in `/run` does. These hosts share that folder: the next server would take the lock in it for one of a living server. */
  protected override crash(owner: string): void {
    super.crash(owner);
    for (const name of readdirSync(this.#sockets)) rmSync(join(this.#sockets, name));
  }

  get #sockets(): string {
    return join(this.folder, 'sockets');
  }

  protected document(): string {
    const answers = {
      nodes: 'n1,n2',
      volume: 'pg',
      volumeSize: VOLUME_SIZE,
      volumeDevice: this.#image('n1'),
      directory: join(this.folder, 'mounted'),
      address: `${this.address}/24`,
      interfaces: 'eth0',
      bin: this.#bin,
      sockets: this.#sockets,
    };
    const words = Object.entries(answers).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    const document = this.eterne('n1', 'group', 'template', 'apply', 'postgresql', ...words);
    // These hosts share their disk, which real ones do not.
    return document.replace(`n2: ${this.#image('n1')}`, `n2: ${this.#image('n2')}`);
  }

  #image(node: string): string {
    return join(this.folder, `${node}.img`);
  }

  protected override prepare(): void {
    this.sql(
      `COPY (SELECT 'host all all 10.77.0.0/24 scram-sha-256') TO PROGRAM 'cat >> pg_hba.conf && sync pg_hba.conf'`,
    );
    this.sql('SELECT pg_reload_conf()');
    this.sql(`CREATE ROLE client LOGIN PASSWORD '${PASSWORD}'`);
    this.sql('CREATE TABLE ledger (number bigint PRIMARY KEY)');
    this.sql('GRANT ALL ON ledger TO client');
  }

  protected client(file: string): [string, ...string[]] {
    return ['postgres-client.ts', this.address, PORT, PASSWORD, file];
  }

  /** As the server's own user, over its socket; the rows without their titles. */
  sql(text: string): string {
    const words = [
      '-u',
      'postgres',
      '--',
      join(this.#bin, 'psql'),
      '-h',
      this.#sockets,
      '-p',
      PORT,
      '-Atqc',
      text,
    ];
    return execFileSync('runuser', words, { encoding: 'utf8', cwd: '/' }).trim();
  }

  numbers(): ReadonlySet<number> {
    return new Set(this.sql('SELECT number FROM ledger').split('\n').map(Number));
  }
}
