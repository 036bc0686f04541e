import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { metricFamilies, metricsText } from '../../src/api/metrics.ts';
import { type ApiFixture, startFixture } from './fixture.ts';

let fixture: ApiFixture;
before(async () => {
  fixture = await startFixture();
});
after(() => fixture.close());

test('a viewer gets the cluster as numbers, in the format that Prometheus asks for', async () => {
  const cookie = await fixture.logIn('viewer');
  const { status, body, headers } = await fixture.call('GET', '/api/v1/metrics', { cookie });
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const lines = body.split('\n');
  for (const line of [
    '# TYPE eterne_node_state gauge',
    'eterne_node_state{node="n1",state="online"} 1',
    'eterne_node_state{node="n1",state="lost"} 0',
    'eterne_quorate 1',
    'eterne_replica_in_sync{volume="data",node="n2"} 0',
    'eterne_replica_dirty_bytes{volume="data",node="n2"} 314572800',
    'eterne_group_owner{group="db",node="n1"} 1',
    'eterne_group_protected{group="db"} 0',
    '# TYPE eterne_group_starts_total counter',
    'eterne_group_starts_total{group="db"} 4',
    'eterne_dropped_messages_total{channel="heartbeats",reason="forged"} 3',
    'eterne_dropped_messages_total{channel="log",reason="parted"} 12',
    'eterne_resource_running{group="db",resource="ledger"} 1',
  ])
    assert.ok(lines.includes(line), `${line}\nis not in\n${body}`);
});

test('what is not measured is left out, not shown as nought', async () => {
  const { text } = await metricsText(fixture.facade.status());
  const down = 'eterne_path_up{peer="w",kind="udp",path="udp:10.0.2.3"} 0';
  assert.ok(text.includes(down), text);
  assert.ok(!/eterne_path_latency_seconds\{peer="w",kind="udp",path="udp:10\.0\.2\.3"\}/.test(text));
  assert.ok(!text.includes('eterne_replica_lag_bytes'), 'a synchronous volume has no lag');
});

test('names that hold quotes and line ends do not break the format', async () => {
  const status = fixture.facade.status();
  const groups = status.groups.map((group) => ({ ...group, name: 'a"b\\c\nd' }));
  const { text } = await metricsText({ ...status, groups });
  assert.ok(text.includes('eterne_group_protected{group="a\\"b\\\\c\\nd"} 0'), text);
});

test('docs/operating/metrics.md lists every metric with its labels, and no other', async () => {
  const page = await readFile(new URL('../../../../docs/operating/metrics.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `(eterne_\w+)` \| ([^|]*) \|/gm)].map(
    ([, name, labels]) => `${name} ${labels}`,
  );
  const status = fixture.facade.status();
  const volumes = status.volumes.map((volume) => ({
    ...volume,
    parts: [{ name: 'log', sizeBytes: 1 }],
    replicas: volume.replicas.map((replica) => ({ ...replica, lagBytes: 1 })),
  }));
  const served = metricFamilies({ ...status, volumes }).map(({ name, samples }) => {
    const labels = Object.keys(samples[0]?.labels ?? {}).map((label) => `\`${label}\``);
    return `${name} ${labels.join(', ')}`;
  });
  assert.deepEqual(rows.map((row) => row.trim()).sort(), served.map((row) => row.trim()).sort());
});
