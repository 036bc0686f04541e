/** What OCF agents ask Pacemaker, answered: read by the very lines of the agents of Debian that read it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeHands } from '../hands.ts';
import {
  asAgent,
  daemonsThatSay,
  listen,
  picture,
  resource,
  withFunctions,
  without2,
} from './cluster-daemons.ts';

const AGENTS = '/usr/lib/ocf/resource.d/heartbeat';
const skip =
  !(existsSync(AGENTS) && existsSync('/usr/bin/xmllint')) &&
  'needs resource-agents and xmllint (libxml2-utils)';

test('redis, galera and pgsql see where the resource is promoted', { skip }, async (context) => {
  const hands = await makeHands(context);
  const told = { picture: picture() };
  await daemonsThatSay(context, hands, told);
  const redis = async (): Promise<boolean> =>
    (await withFunctions(hands, 'redis', ['master_is_active'], 'master_is_active')).code === 0;
  const galera = async (): Promise<boolean> =>
    (await withFunctions(hands, 'galera', ['master_exists'], 'INSTANCE_ATTR_NAME=g-db; master_exists'))
      .code === 0;
  const line = `eval "$(grep -F '"<resource id=' ${AGENTS}/pgsql)"`;
  const pgsql = async (): Promise<boolean> =>
    (await withFunctions(hands, 'pgsql', ['exec_with_retry', 'print_crm_mon'], `RESOURCE_NAME=g-db\n${line}`))
      .code === 0;
  const all = async (): Promise<readonly boolean[]> => [await redis(), await galera(), await pgsql()];
  assert.deepEqual(await all(), [true, true, true]);
  told.picture = picture({ resources: [resource({ owner: 'n2' })] });
  assert.deepEqual(await all(), [true, true, true], 'on the other node');
  told.picture = picture({ resources: [resource({ state: 'starting' })] });
  assert.deepEqual(await all(), [false, false, false], 'not promoted yet');
  told.picture = picture({ resources: [resource({ state: 'failed' })] });
  assert.deepEqual(await all(), [false, false, true], 'pgsql asks for no more than the role');
  told.picture = picture({ resources: [resource({ isPromoted: false }), resource({ group: 'h' })] });
  assert.deepEqual(await all(), [false, false, false], 'that is another one');
  told.picture = picture({ resources: [resource({ owner: null, state: 'stopped' })] });
  assert.deepEqual(await all(), [false, false, false]);
});

test('the new way of asking for XML is answered, too', { skip }, async (context) => {
  const hands = await makeHands(context);
  await daemonsThatSay(context, hands, { picture: picture() });
  const env = { OCF_RESKEY_crm_feature_set: '3.19.0' };
  assert.equal((await withFunctions(hands, 'redis', ['master_is_active'], 'master_is_active', env)).code, 0);
  for (const args of ['-1 --output-as=xml', '--one-shot --as-xml', '-1X', '-1rX', '-r --as-xml']) {
    const { code, stdout } = await asAgent(
      hands,
      `crm_mon ${args} | xmllint --xpath 'count(//resources/resource)' -`,
    );
    assert.deepEqual([code, stdout.trim()], [0, '1'], args);
  }
});

test('pgsql sees which nodes there are and which are online', { skip }, async (context) => {
  const hands = await makeHands(context);
  await daemonsThatSay(context, hands, { picture: picture(without2(true)) });
  const names = ['exec_with_retry', 'print_crm_mon', 'is_node_online', 'node_exist'];
  const { stdout } = await withFunctions(
    hands,
    'pgsql',
    names,
    'for node in n1 N1 n2 n3; do is_node_online $node; echo -n "$?"; node_exist $node; echo -n "$? "; done',
  );
  assert.equal(stdout.trim(), '00 00 10 11');
});

test('galera counts the nodes of a pair', { skip }, async (context) => {
  const hands = await makeHands(context);
  const told = { picture: picture() };
  await daemonsThatSay(context, hands, told);
  const functions = ['is_two_node_mode_active', 'is_last_node_in_quorate_partition'];
  const asked = async (): Promise<string> => {
    const script = functions.map((name) => `${name}; echo -n $?`).join('\n');
    return (await withFunctions(hands, 'galera', functions, script, { OCF_RESKEY_two_node_mode: 'true' }))
      .stdout;
  };
  assert.equal(await asked(), '01');
  told.picture = picture(without2(true));
  assert.equal(await asked(), '01', 'the other one may still run something');
  told.picture = picture(without2(false));
  assert.equal(await asked(), '00');
});

test('rabbitmq-cluster finds the nodes to join: its own, once it runs', { skip }, async (context) => {
  const hands = await makeHands(context);
  await daemonsThatSay(context, hands, { picture: picture() });
  const set = `
RMQ_CRM_ATTR_COOKIE=rmq-node-attr-$OCF_RESOURCE_INSTANCE RMQ_CRM_ATTR_COOKIE_LAST_KNOWN=last-$OCF_RESOURCE_INSTANCE
NODENAME=$(ocf_local_nodename)
rmq_local_node() { echo rabbit@n1; }
echo "[$(rmq_join_list)]"; rmq_write_nodename; echo "[$(rmq_join_list)]"; rmq_delete_nodename; echo "[$(rmq_join_list)]"`;
  const functions = ['rmq_join_list', 'rmq_write_nodename', 'rmq_delete_nodename'];
  const { stdout } = await withFunctions(hands, 'rabbitmq-cluster', functions, set);
  assert.deepEqual(stdout.trim().split('\n'), ['[]', '[rabbit@n1]', '[]']);
  const others = await asAgent(
    hands,
    `cibadmin -Q --xpath "//node_state//nvpair[@name='rmq-node-attr-h-db']"`,
  );
  assert.equal(others.code, 69, 'of another resource nobody knows here where else it is set');
});

test('names and numbers of nodes, as agents read them', { skip }, async (context) => {
  const hands = await makeHands(context);
  const told = { picture: picture(without2(false)) };
  await daemonsThatSay(context, hands, told);
  const lines = `eval "$(sed -n '/^    NODE_ID_DEC=/p; /^    NODE=/p' ${AGENTS}/sg_persist)"`;
  const persist = await asAgent(
    hands,
    `CRM_NODE=$HA_SBIN_DIR/crm_node GREP=grep\n${lines}\necho "$NODE $((NODE_ID_DEC > 0))"`,
  );
  assert.equal(persist.stdout.trim(), 'n1 1');
  const local = await asAgent(hands, '. /usr/lib/ocf/lib/heartbeat/ocf-shellfuncs; ocf_local_nodename');
  assert.equal(local.stdout.trim(), 'n1', 'not the name of the machine');
  const ha = await withFunctions(
    hands,
    'rabbitmq-server-ha',
    ['get_alive_pacemaker_nodes_but'],
    'get_alive_pacemaker_nodes_but n2',
  );
  assert.equal(ha.stdout.trim(), 'n1', ha.stderr);
  const listed = await asAgent(hands, 'crm_node -l');
  assert.match(listed.stdout, /^\d+ n1 member\n\d+ n2 lost\n$/);
  assert.equal((await asAgent(hands, 'crm_node -q')).stdout, '1\n');
  told.picture = picture({ isQuorate: false });
  assert.equal((await asAgent(hands, 'crm_node --quorum')).stdout, '0\n', 'that is known without a majority');
  assert.equal((await asAgent(hands, 'crm_node -p')).stdout, 'n1 n2\n');
  told.picture = picture({ isCurrent: false });
  assert.equal((await asAgent(hands, 'crm_node -p')).code, 102);
});

test('VirtualDomain goes on without utilization', { skip }, async (context) => {
  const hands = await makeHands(context);
  const { code, stderr } = await withFunctions(
    hands,
    'VirtualDomain',
    ['set_util_attr'],
    'ocf_log() { echo "$*" >&2; }; set_util_attr cpu 2',
  );
  assert.equal(code, 0);
  assert.equal(stderr.trim(), 'debug Unable to set utilization attribute, cib is not available');
});

test('mariadb reads its own position back, and no other node’s from here', { skip }, async (context) => {
  const hands = await makeHands(context);
  const own = await withFunctions(
    hands,
    'mariadb',
    ['read_gtid'],
    '${HA_SBIN_DIR}/attrd_updater -p -n g-db-gtid -U 0-1-5; read_gtid n1',
  );
  assert.equal(own.stdout.trim(), '0-1-5');
  const other = await withFunctions(hands, 'mariadb', ['read_gtid'], 'read_gtid n2');
  assert.equal(other.stdout.trim(), '');
  assert.match(other.stderr, /attributes of n2 are not known on this node/);
});

test('attributes of other nodes and options of Pacemaker are neither told nor kept', async (context) => {
  const hands = await makeHands(context);
  const code = async (line: string): Promise<number> => (await asAgent(hands, line)).code;
  assert.equal(await code('crm_attribute -N n1 -l forever -n x -v 1'), 0);
  assert.equal(await code('crm_attribute -N N1 -l forever -n x -G -q'), 0, 'by any case');
  for (const line of [
    'crm_attribute -N n2 -l forever -n x -G -q',
    'crm_attribute --node=n2 -l reboot --name x --query',
    'crm_attribute -N n2 -l reboot -n x -v 1',
    'crm_master -N n2 -l reboot -v 1',
    'attrd_updater -n x -N n2 -D',
    'attrd_updater -n x -Q -A',
    'crm_attribute --type=crm_config --name=stonith-enabled --query --quiet --default=true',
    'crm_attribute -N n1 -n standby -v on',
    'crm_attribute -t nodes --node n1 -z -n cpu',
  ])
    assert.equal(await code(line), 69, line);
  const set = 'crm_attribute --type crm_config --name g-db_REPL_INFO -s redis_replication';
  assert.equal(await code(`${set} -v n1 -q`), 0, 'a set of the agent’s own');
  assert.equal((await asAgent(hands, `${set} --query -q`)).stdout, 'n1\n');
});

test('crm_resource, crm_failcount and crm_standby are asked, not told', async (context) => {
  const hands = await makeHands(context);
  const told = {
    picture: picture({
      resources: [
        resource({ failures: { n1: 2 } }),
        resource({ name: 'ip', isPromoted: false, isWanted: false, owner: 'n2' }),
      ],
    }),
  };
  await daemonsThatSay(context, hands, told);
  const all = async (lines: Readonly<Record<string, string>>): Promise<void> => {
    for (const [line, wanted] of Object.entries(lines)) {
      const { code, stdout, stderr } = await asAgent(hands, line);
      assert.equal(`${code} ${stdout}${stderr}`.trim(), wanted, line);
    }
  };
  await all({
    'crm_resource -W -r g-db': '0 resource g-db is running on: n1 Master',
    'crm_resource --locate --resource g-ip': '0 resource g-ip is running on: n2',
    'crm_resource --quiet -W -r g-ip': '0 n2',
    'crm_resource -r g-ip --meta -g target-role': '0 Stopped',
    'crm_resource --meta --get-parameter is-managed': '0 true',
    'crm_resource --meta -g priority': "105 Attribute 'priority' not found for 'g-db'",
    'crm_resource -W -r nope': "105 crm_resource: Resource 'nope' not found",
    'crm_failcount -G -r g-db': '0 scope=status  name=fail-count-g-db value=2',
    'crm_failcount --query -q -N n2': '0 0',
    'crm_standby -G -N n1': '0 scope=nodes  name=standby value=off',
    'crm_standby -G -q -N n9': '105 crm_standby: there is no such node or resource',
  });
  told.picture = picture({ resources: [resource({ owner: null, state: 'stopped' })] });
  await all({ 'crm_resource -W -r g-db': '0 resource g-db is NOT running' });
  told.picture = picture({ resources: [resource({ owner: 'n2', state: 'unknown' })] });
  assert.equal((await asAgent(hands, 'crm_resource -W -r g-db')).code, 102);
});

test('what nobody can say is refused in words', async (context) => {
  const hands = await makeHands(context);
  await daemonsThatSay(context, hands, { picture: picture() });
  for (const line of [
    'crm_mon -1',
    'crm_mon -p /x -d -i 15 -h /y',
    'crm_mon -1nX',
    'crm_resource -C -r g-db',
    'crm_resource -B -r g-db -N n1 -Q',
    'crm_resource --ban -r g-db',
    'crm_resource --force-stop -r g-db',
    'crm_resource --list-operations -N n1',
    'crm_resource -r g-db -p target-role -v Stopped --meta',
    'crm_standby -v on',
    'crm_failcount -D -r g-db',
    'crm_ticket -q',
    'crm_simulate -Ls',
    'stonith_admin -H *',
    'crmadmin -D',
    'cibadmin -Q',
  ]) {
    const { code, stdout, stderr } = await asAgent(hands, line);
    assert.ok(code === 69 || code === 64, `${line}: ${code}`);
    assert.equal(stdout, '', line);
    assert.match(stderr, /^\w+: ./, line);
  }
});

test('a question never waits for a daemon that hangs, and none is answered without a majority', async (context) => {
  const hands = await makeHands(context);
  const down = await asAgent(hands, 'crm_mon -1X');
  assert.equal(down.code, 102);
  assert.match(down.stderr, /not connected/);
  let quorateFrom = Number.POSITIVE_INFINITY;
  let isHung = true;
  await listen(context, hands, 'monitor', (reply) => reply({ ok: [] }));
  await listen(context, hands, 'service', (reply) => {
    if (!isHung) reply({ ok: picture({ isQuorate: Date.now() > quorateFrom }) });
  });
  const beganMs = Date.now();
  const hung = await asAgent(hands, 'crm_mon -1X');
  const tookMs = Date.now() - beganMs;
  assert.deepEqual([hung.code, hung.stdout], [102, '']);
  assert.ok(tookMs >= 2900 && tookMs < 8000, `${tookMs} ms`);
  isHung = false;
  const alone = await asAgent(hands, 'crm_mon -1X');
  assert.deepEqual([alone.code, alone.stdout], [102, '']);
  assert.match(alone.stderr, /majority/);
  quorateFrom = Date.now() + 500;
  assert.equal((await asAgent(hands, 'crm_mon -1X')).code, 0, 'a leader was elected meanwhile');
});

test('of its own resources the node tells what its monitor knows', async (context) => {
  const hands = await makeHands(context);
  const reports = [{ group: 'g', resource: 'db', state: 'running', reason: '' } as const];
  const told = { picture: picture({ resources: [resource({ state: 'starting' })] }), reports };
  await daemonsThatSay(context, hands, told);
  const role = async (): Promise<string> =>
    (/ role="(\w+)"/.exec((await asAgent(hands, 'crm_mon -1X')).stdout) ?? [])[1] ?? '';
  assert.equal(await role(), 'Master');
  told.picture = picture({ resources: [resource({ owner: 'n2', state: 'unknown' })] });
  const { code, stderr } = await asAgent(hands, 'crm_mon -1X');
  assert.equal(code, 102, 'unknown is not stopped');
  assert.match(stderr, /nobody knows at the moment how g-db is/);
  told.picture = picture({ resources: [resource({ group: 'g-d', name: 'b' }), resource({ name: 'd-b' })] });
  assert.equal((await asAgent(hands, 'crm_mon -1X')).code, 102, 'two are called g-d-b');
});

const CIB = `<cib validate-with="none" crm_feature_set="3.19.0" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1" dc-uuid="1">
<configuration><crm_config/><nodes><node id="1" uname="n1"/></nodes><resources>
<primitive id="g-db" class="ocf" provider="heartbeat" type="redis"/></resources><constraints/></configuration>
<status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="1"><lrm_resources>
<lrm_resource id="g-db" type="redis" class="ocf" provider="heartbeat"><lrm_rsc_op id="x" operation="start" operation_key="g-db_start_0"
 call-id="3" rc-code="0" op-status="0" interval="0" transition-magic="0:0;0:0:0:a" transition-key="0:0:0:a"/></lrm_resource>
</lrm_resources></lrm></node_state></status></cib>`;
const CRM_MON = '/usr/sbin/crm_mon';

test(
  'elements and attributes are those of the real crm_mon, in its order',
  { skip: !existsSync(CRM_MON) && 'needs Pacemaker’s crm_mon' },
  async (context) => {
    const hands = await makeHands(context);
    await daemonsThatSay(context, hands, {
      picture: picture({ resources: [resource({ isPromoted: false })] }),
    });
    const cib = join(hands.dir, 'cib.xml');
    writeFileSync(cib, CIB);
    const real = execFileSync(CRM_MON, ['-1', '--as-xml'], {
      env: { CIB_file: cib },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ours = (await asAgent(hands, 'crm_mon -1 --as-xml')).stdout;
    for (const element of ['crm_mon', 'current_dc', 'nodes_configured', 'node', 'resource']) {
      const attributes = (text: string): readonly string[] =>
        [...(new RegExp(`<${element} ([^>]*)>`).exec(text)?.[1] ?? '').matchAll(/([\w-]+)=/g)].map(
          ([, name = '']) => name,
        );
      const known = attributes(ours);
      assert.ok(known.length > 0, element);
      assert.deepEqual(
        known,
        attributes(real).filter((name) => known.includes(name)),
        element,
      );
    }
  },
);
