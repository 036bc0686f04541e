import type { Catalogue, Question } from '../shapes.ts';

const port = (number: string): Question => ({
  key: 'port',
  kind: 'number',
  default: number,
  help: { en: 'TCP port it listens on', zh: '监听的 TCP 端口' },
});
const runAs = (user: string): Question => ({
  key: 'user',
  kind: 'name',
  default: user,
  help: { en: 'system user it runs as', zh: '运行它的系统用户' },
});
const initialise: Question = {
  key: 'initialise',
  kind: 'choice',
  choices: ['yes', 'no'],
  default: 'yes',
  help: { en: 'make an empty database where there is none', zh: '没有数据库时新建一个空的' },
};
const CHECK = { quick: { interval: '5s', timeout: '10s' } };

/** An app with an agent in one line: does its work before the server's start, and is always well. */
const prepare = (script: string) => ({
  when: 'initialise=yes',
  name: 'prepare',
  type: 'app',
  agent: ['/bin/sh', '-euc', `case "$1" in start) ${script} ;; esac`, 'prepare'],
});

export const databases: Catalogue = {
  postgresql: {
    title: { en: 'PostgreSQL', zh: 'PostgreSQL' },
    about: {
      en: 'Install PostgreSQL and resource-agents on every node; disable the distribution’s own service. The data are in the directory’s folder pgdata.',
      zh: '在每个节点安装 PostgreSQL 与 resource-agents，并停用发行版自带的服务。数据位于该目录的 pgdata 中。',
    },
    directory: '/srv/postgresql',
    questions: [
      {
        key: 'bin',
        kind: 'path',
        default: '/usr/lib/postgresql/15/bin',
        help: { en: 'folder of pg_ctl and initdb', zh: 'pg_ctl 与 initdb 所在目录' },
      },
      {
        key: 'sockets',
        kind: 'path',
        default: '/var/run/postgresql',
        help: { en: 'folder of its unix socket', zh: 'Unix 套接字所在目录' },
      },
      {
        key: 'listen',
        kind: 'text',
        default: '0.0.0.0',
        help: { en: 'address it listens on', zh: '监听地址' },
      },
      port('5432'),
      runAs('postgres'),
      initialise,
    ],
    resources: [
      prepare(
        'install -d -o "{{user}}" -m 700 "{{directory}}/pgdata"; ' +
          'test -f "{{directory}}/pgdata/PG_VERSION" || runuser -u "{{user}}" -- "{{bin}}/initdb" --auth-local=peer --auth-host=scram-sha-256 -D "{{directory}}/pgdata"',
      ),
      {
        name: 'postgresql',
        type: 'ocf:heartbeat:pgsql',
        params: {
          pgctl: '{{bin}}/pg_ctl',
          psql: '{{bin}}/psql',
          pgdata: '{{directory}}/pgdata',
          pgdba: '{{user}}',
          pgport: '{{port}}',
          socketdir: '{{sockets}}',
          start_opt: '-p {{port}} -k {{sockets}} -c listen_addresses={{listen}}',
          logfile: '{{directory}}/pgdata/startup.log',
        },
        check: CHECK,
      },
    ],
  },
  mariadb: {
    title: { en: 'MySQL or MariaDB', zh: 'MySQL 或 MariaDB' },
    about: {
      en: 'Install the server and resource-agents on every node; disable the distribution’s own service. The data are in the directory’s folder data.',
      zh: '在每个节点安装服务器与 resource-agents，并停用发行版自带的服务。数据位于该目录的 data 中。',
    },
    directory: '/srv/mariadb',
    questions: [
      {
        key: 'server',
        kind: 'path',
        default: '/usr/sbin/mariadbd',
        help: { en: 'the server: mariadbd or mysqld', zh: '服务器程序：mariadbd 或 mysqld' },
      },
      {
        key: 'client',
        kind: 'path',
        default: '/usr/bin/mariadb',
        help: { en: 'the client: mariadb or mysql', zh: '客户端程序：mariadb 或 mysql' },
      },
      {
        key: 'config',
        kind: 'path',
        default: '/etc/mysql/my.cnf',
        help: {
          en: 'configuration file, on every node or in the directory',
          zh: '配置文件，位于各节点或该目录中',
        },
      },
      port('3306'),
      runAs('mysql'),
      initialise,
    ],
    resources: [
      prepare(
        'install -d -o "{{user}}" -m 700 "{{directory}}/data"; ' +
          'test -d "{{directory}}/data/mysql" || case "{{server}}" in ' +
          '*mariadbd) mariadb-install-db --no-defaults --datadir="{{directory}}/data" --user="{{user}}" --skip-test-db ;; ' +
          '*) "{{server}}" --no-defaults --initialize-insecure --datadir="{{directory}}/data" --user="{{user}}" ;; esac',
      ),
      {
        name: 'mariadb',
        type: 'ocf:heartbeat:mysql',
        params: {
          binary: '{{server}}',
          client_binary: '{{client}}',
          config: '{{config}}',
          datadir: '{{directory}}/data',
          user: '{{user}}',
          group: '{{user}}',
          pid: '{{directory}}/data/server.pid',
          socket: '{{directory}}/data/server.sock',
          log: '{{directory}}/data/server.log',
          additional_parameters: '--port={{port}}',
        },
        check: CHECK,
      },
    ],
  },
  redis: {
    title: { en: 'Redis', zh: 'Redis' },
    about: {
      en: 'Install redis-server on every node; disable the distribution’s own service. Every write is in the append-only file before it is acknowledged.',
      zh: '在每个节点安装 redis-server，并停用发行版自带的服务。每次写入在确认前已写入 AOF 文件。',
    },
    directory: '/srv/redis',
    questions: [
      {
        key: 'server',
        kind: 'path',
        default: '/usr/bin/redis-server',
        help: { en: 'the server', zh: '服务器程序' },
      },
      port('6379'),
      {
        key: 'bind',
        kind: 'text',
        default: '127.0.0.1',
        help: { en: 'address it listens on', zh: '监听地址' },
      },
      runAs('redis'),
    ],
    resources: [
      {
        name: 'prepare',
        type: 'app',
        agent: [
          '/bin/sh',
          '-euc',
          'case "$1" in start) install -d -o "{{user}}" -m 700 "{{directory}}/data" ;; esac',
          'prepare',
        ],
      },
      {
        name: 'redis',
        type: 'app',
        command: [
          '{{server}}',
          ...'--port {{port}} --bind {{bind}} --dir {{directory}}/data'.split(' '),
          ...'--appendonly yes --appendfsync always --daemonize no'.split(' '),
        ],
        user: '{{user}}',
        check: {
          quick: { tcp: '{{bind}}:{{port}}', interval: '1s', timeout: '1s' },
          deep: {
            command: ['/bin/sh', '-c', 'test "$(redis-cli -h "{{bind}}" -p "{{port}}" ping)" = PONG'],
            interval: '10s',
            timeout: '5s',
          },
        },
      },
    ],
  },
  oracle: {
    title: { en: 'Oracle Database', zh: 'Oracle 数据库' },
    about: {
      en: 'Install Oracle in the same ORACLE_HOME on every node, put the instance’s files on the group’s file system, and have the listener listen on the floating address.',
      zh: '在每个节点以相同的 ORACLE_HOME 安装 Oracle，实例文件放在资源组的文件系统上，监听器监听浮动地址。',
    },
    directory: '/u02',
    questions: [
      { key: 'sid', kind: 'name', help: { en: 'ORACLE_SID of the instance', zh: '实例的 ORACLE_SID' } },
      { key: 'home', kind: 'path', help: { en: 'ORACLE_HOME', zh: 'ORACLE_HOME' } },
      runAs('oracle'),
      {
        key: 'listener',
        kind: 'name',
        default: 'LISTENER',
        help: { en: 'name of the listener', zh: '监听器名称' },
      },
    ],
    resources: [
      {
        name: 'oracle',
        type: 'ocf:heartbeat:oracle',
        params: { sid: '{{sid}}', home: '{{home}}', user: '{{user}}' },
        check: { quick: { interval: '30s', timeout: '60s' } },
        startTimeout: '300s',
        stopTimeout: '300s',
      },
      {
        name: 'listener',
        type: 'ocf:heartbeat:oralsnr',
        params: { sid: '{{sid}}', home: '{{home}}', user: '{{user}}', listener: '{{listener}}' },
        check: { quick: { interval: '15s', timeout: '30s' } },
      },
    ],
  },
  db2: {
    title: { en: 'IBM Db2', zh: 'IBM Db2' },
    about: {
      en: 'Make the same instance on every node, with its home and databases on the group’s file system. Remove the instance from automatic start.',
      zh: '在每个节点建立相同的实例，实例主目录与数据库放在资源组的文件系统上，并取消实例自动启动。',
    },
    directory: '/db2',
    questions: [
      {
        key: 'instance',
        kind: 'name',
        default: 'db2inst1',
        help: { en: 'name of the instance', zh: '实例名称' },
      },
      {
        key: 'databases',
        kind: 'text',
        default: '',
        help: {
          en: 'databases to activate, separated by spaces; empty: all',
          zh: '要激活的数据库，以空格分隔；留空为全部',
        },
      },
    ],
    resources: [
      {
        name: 'db2',
        type: 'ocf:heartbeat:db2',
        params: { instance: '{{instance}}', dblist: '{{databases}}' },
        check: { quick: { interval: '20s', timeout: '60s' } },
        startTimeout: '120s',
        stopTimeout: '120s',
      },
    ],
  },
  sybase: {
    title: { en: 'SAP ASE (Sybase)', zh: 'SAP ASE（Sybase）' },
    about: {
      en: 'Install ASE on the group’s file system. The agent logs in to check: give it an account of its own, and write its password into the document (db_passwd), not into this form.',
      zh: '将 ASE 安装在资源组的文件系统上。检查时需要登录：请使用专门账号，其口令写入配置文档（db_passwd），不要写在此处。',
    },
    directory: '/opt/sybase',
    questions: [
      { key: 'server', kind: 'name', help: { en: 'name of the server', zh: '服务器名称' } },
      {
        key: 'ase',
        kind: 'name',
        default: 'ASE-16_0',
        help: { en: 'folder of ASE below the directory', zh: '目录下的 ASE 文件夹' },
      },
      {
        key: 'ocs',
        kind: 'name',
        default: 'OCS-16_0',
        help: { en: 'folder of OCS below the directory', zh: '目录下的 OCS 文件夹' },
      },
      runAs('sybase'),
      {
        key: 'login',
        kind: 'name',
        default: 'sa',
        help: { en: 'account that the check logs in with', zh: '检查时登录的账号' },
      },
    ],
    resources: [
      {
        name: 'ase',
        type: 'ocf:heartbeat:sybaseASE',
        params: {
          sybase_home: '{{directory}}',
          sybase_ase: '{{ase}}',
          sybase_ocs: '{{ocs}}',
          server_name: '{{server}}',
          interfaces_file: '{{directory}}/interfaces',
          sybase_user: '{{user}}',
          db_user: '{{login}}',
          db_passwd: '',
        },
        check: { quick: { interval: '30s', timeout: '60s' } },
        startTimeout: '300s',
        stopTimeout: '300s',
      },
    ],
  },
  sqlserver: {
    title: { en: 'SQL Server on Linux', zh: 'SQL Server（Linux）' },
    about: {
      en: 'Install mssql-server on every node, run its set-up on one, then move /var/opt/mssql onto the group’s file system. Disable the unit mssql-server.',
      zh: '在每个节点安装 mssql-server，在其中一个上完成设置，再将 /var/opt/mssql 移到资源组的文件系统上。停用 mssql-server 服务。',
    },
    directory: '/var/opt/mssql',
    questions: [port('1433'), runAs('mssql')],
    resources: [
      {
        name: 'sqlserver',
        type: 'app',
        command: ['/opt/mssql/bin/sqlservr'],
        user: '{{user}}',
        directory: '{{directory}}',
        env: { HOME: '{{directory}}', MSSQL_TCP_PORT: '{{port}}' },
        limits: { nofile: '65535' },
        check: { quick: { tcp: '127.0.0.1:{{port}}', interval: '2s', timeout: '1s' } },
        startTimeout: '120s',
        stopTimeout: '120s',
      },
    ],
  },
};
