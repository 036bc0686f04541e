import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EterneError } from '@eterne/base';
import { parseDiskConfig, type DiskConfig } from '../../src/process/config.ts';

const MINIMAL = `node: a
control: a.ctl
volumes:
  - name: v0
    size: 64MiB
    device: a.img
    metadata: a.meta
`;

function valid(text: string): DiskConfig {
  const result = parseDiskConfig(text, '/etc/eterne/a.yaml');
  if (result instanceof EterneError) throw result;
  return result;
}

function error(text: string): string {
  const result = parseDiskConfig(text, '/etc/eterne/a.yaml');
  assert.ok(result instanceof EterneError, 'must be refused');
  assert.equal(result.code, 'config');
  assert.doesNotMatch(result.message, /\n/);
  return result.message.replace('/etc/eterne/a.yaml', 'FILE');
}

/** Ten levels of nine references each: 9^10 elements when resolved. */
function aliasBomb(): string {
  const names = 'abcdefghijk';
  const level = (at: number): string => `${names[at + 1]}: &${names[at + 1]} [${`*${names[at]},`.repeat(9)}]`;
  return Array.from({ length: 10 }, (_, at) => level(at)).join('\n');
}

describe('disk configuration', () => {
  it('fills in defaults, and takes paths relative to the file', () => {
    const { controlPath, replicationListen, volumes } = valid(MINIMAL);
    assert.equal(controlPath, '/etc/eterne/a.ctl');
    assert.deepEqual(replicationListen, []);
    assert.deepEqual(volumes, [
      {
        config: {
          name: 'v0',
          node: 'a',
          sizeBytes: 64 * 1024 * 1024,
          mode: 'sync',
          devicePath: '/etc/eterne/a.img',
          metadataPath: '/etc/eterne/a.meta',
          peers: {},
          readPolicy: 'local',
          initialSync: 'smart',
          splitBrain: { zeroPrimaries: 'disconnect', onePrimary: 'disconnect', twoPrimaries: 'disconnect' },
          onPeerLost: 'continue',
          congestion: { queueBytes: 64 * 1024 * 1024, policy: 'slow' },
          resyncRate: { minBytesPerSecond: 4 * 1024 * 1024, maxBytesPerSecond: 1024 * 1024 * 1024 },
          diskTimeoutMs: 30_000,
          checksums: 'none',
          onDiskError: 'serve-from-peer',
          compress: 'none',
          linkChecksums: 'none',
        },
        exports: [],
      },
    ]);
  });

  it('takes every key that the engine knows', () => {
    const { replicationListen, volumes } = valid(`
node: a
control: /run/a.ctl
replication: { listen: 127.0.0.1:7701 }
mirrorSets: []
volumes:
  - name: v0
    size: 1GiB
    mode: sync
    device: /dev/sdb1
    metadata: a.meta
    peers: { b: [127.0.0.1:7702, 127.0.0.2:7702] }
    readPolicy: local
    initialSync: none
    splitBrain: { zeroPrimaries: disconnect, onePrimary: disconnect, twoPrimaries: disconnect }
    onPeerLost: freeze
    resyncRate: { min: 1MiB, max: 2MiB }
    compress: none
    diskTimeout: 5s
    onDiskError: serve-from-peer
    checksums: none
    rescueJournal: { path: a.rescue, max: 10GiB, whenFull: off }
    exports: [{ nbd: { listen: unix:a.nbd } }, { nbd: { listen: 127.0.0.1:10809 } }]
`);
    assert.deepEqual(replicationListen, ['127.0.0.1:7701']);
    assert.equal(volumes[0]?.config.devicePath, '/dev/sdb1');
    assert.equal(volumes[0]?.config.diskTimeoutMs, 5000);
    assert.deepEqual(volumes[0]?.exports, [
      { kind: 'nbd', listen: 'unix:/etc/eterne/a.nbd' },
      { kind: 'nbd', listen: '127.0.0.1:10809' },
    ]);
  });

  it('says which line is wrong, and why', () => {
    const more = (line: string): string => `${MINIMAL}    ${line}\n`;
    const cases: readonly (readonly [string, RegExp])[] = [
      [MINIMAL.replace('size: 64MiB', 'size: many'), /^FILE:5: volumes\.0\.size: not a size: "many"$/],
      [
        MINIMAL.replace('64MiB', '1000'),
        /^FILE:5: volumes\.0\.size: a size is a positive multiple of 4 KiB$/,
      ],
      [MINIMAL.replace('64MiB', '0'), /^FILE:5: /],
      [MINIMAL.replace('node: a', 'node: a b'), /^FILE:1: node: a name is/],
      [`${MINIMAL}extra: 1\n`, /^FILE:8: unknown key extra$/],
      [more('raedPolicy: local'), /^FILE:8: unknown key volumes\.0\.raedPolicy$/],
      [more('splitBrain: { both: disconnect }'), /^FILE:8: unknown key volumes\.0\.splitBrain\.both$/],
      [more('readPolicy: fastest'), /^FILE:8: volumes\.0\.readPolicy: /],
      [more('diskTimeout: 30'), /^FILE:8: volumes\.0\.diskTimeout: /],
      [more('diskTimeout: 1ms'), /^FILE:8: .*at least 100ms/],
      [more('resyncRate: { min: 2MiB, max: 1MiB }'), /^FILE:8: .*min ≤ max/],
      [more('peers: { b: [127.0.0.1:7702] }'), /^FILE:8: volume v0: peers need `replication/],
      [more('peers: { b: [] }'), /^FILE:8: /],
      [
        more('exports: [{ nbd: { listen: 0.0.0.0:10809 } }]'),
        /^FILE:8: volume v0: NBD beyond loopback needs TLS/,
      ],
      [more('exports: [{ nbd: { listen: nowhere } }]'), /^FILE:8: /],
      [more('devices: { d1: x, d2: y }'), /^FILE:4: volume v0: give either device or devices$/],
      [MINIMAL.replace('    device: a.img\n', ''), /^FILE:4: volume v0: give either/],
      [MINIMAL.replace('a.meta', 'a.img'), /^FILE:7: store a\.img is used twice$/],
      [
        `${MINIMAL}  - { name: v0, size: 4KiB, device: c, metadata: d }\n`,
        /^FILE:8: volume v0 is used twice$/,
      ],
      [MINIMAL.replace('control: a.ctl\n', ''), /^FILE:1: control: /],
      [`${MINIMAL}node: b\n`, /^FILE:8: /],
      ['node: [', /^FILE:1: /],
      ['', /^FILE:1: the file: /],
      ['- 1', /^FILE:1: the file: /],
      ['a: &x [1]\nb: *y', /^FILE/],
      [`a: &a [x,x]\n${aliasBomb()}`, /too often/],
    ];
    for (const [text, wanted] of cases) assert.match(error(text), wanted);
  });

  it('reads an iSCSI export, and refuses a second one, a bad name and metadata that leave no room for its state', () => {
    const entry = (iqn: string): string => `{ iscsi: { listen: 127.0.0.1:0, iqn: "${iqn}" } }`;
    const good = entry('iqn.2026-11.io.eterne:v0');
    assert.deepEqual(valid(`${MINIMAL}    exports: [${good}]\n`).volumes[0]?.exports, [
      { kind: 'iscsi', listen: '127.0.0.1:0', iqn: 'iqn.2026-11.io.eterne:v0' },
    ]);
    assert.match(error(`${MINIMAL}    exports: [${good}, ${good}]\n`), /one iscsi export is enough/);
    assert.match(error(`${MINIMAL}    exports: [${entry('v0')}]\n`), /^FILE:8: /);
    assert.match(
      error(`${MINIMAL.replace('a.meta', 'internal')}    exports: [${good}]\n`),
      /metadata in a file/,
    );
  });

  it('takes certificates of links and exports relative to the file', () => {
    const files = '{ ca: ca.pem, cert: a.pem, key: /secret/a.key }';
    const resolved = { ca: '/etc/eterne/ca.pem', cert: '/etc/eterne/a.pem', key: '/secret/a.key' };
    const { replicationTls, volumes } = valid(
      `replication: { listen: 127.0.0.1:1, tls: ${files} }\n${MINIMAL}` +
        `    exports: [{ nbd: { listen: 0.0.0.0:10809, tls: ${files} } }]\n`,
    );
    assert.deepEqual(replicationTls, resolved);
    assert.deepEqual(volumes[0]?.exports, [{ kind: 'nbd', listen: '0.0.0.0:10809', tls: resolved }]);
  });

  it('takes who is asked about a lost replica, and only where somebody is to be asked', () => {
    const asked = `${MINIMAL}    onPeerLost: ask\n    peerLost: { command: [/bin/judge, -x], timeout: 5s }\n`;
    assert.deepEqual(valid(asked).volumes[0]?.config.peerLost, {
      command: ['/bin/judge', '-x'],
      timeoutMs: 5000,
    });
    assert.match(error(`${MINIMAL}    onPeerLost: ask\n`), /^FILE:8: .*go together/);
    assert.match(error(`${MINIMAL}    peerLost: { command: [/bin/judge] }\n`), /go together/);
    assert.match(error(`${MINIMAL}    onPeerLost: ask\n    peerLost: { command: [] }\n`), /^FILE:9: /);
    const joined = asked.replace('device: a.img', 'devices: { x: a, y: b }');
    assert.match(error(joined), /devices of one host are no peers/);
  });

  it('refuses what is not supported yet instead of ignoring it', () => {
    assert.match(
      error(
        `${MINIMAL.replace('device: a.img', 'devices: { x: a, y: b }')}    peers: { b: [127.0.0.1:1] }\nreplication: { listen: 127.0.0.1:2 }\n`,
      ),
      /^FILE:6: .*not supported yet$/,
    );
  });

  const SECOND = `  - { name: wal, size: 32MiB, device: w.img, metadata: w.meta, exports: [{ nbd: { listen: "unix:w.nbd" } }] }\n`;

  it('joins volumes to a mirror set, whose metadata is that of its first', () => {
    const { volumes } = valid(`${MINIMAL}${SECOND}mirrorSets: [{ name: db, volumes: [v0, wal] }]\n`);
    assert.equal(volumes.length, 1);
    const { config, exports, members } = volumes[0] ?? assert.fail();
    assert.deepEqual([config.name, config.sizeBytes], ['db', 96 * 1024 * 1024]);
    assert.equal(config.metadataPath, '/etc/eterne/a.meta');
    assert.deepEqual(config.members?.at(1), {
      name: 'wal',
      sizeBytes: 32 * 1024 * 1024,
      devicePath: '/etc/eterne/w.img',
    });
    assert.deepEqual(exports, []);
    assert.deepEqual(members?.at(1)?.exports, [{ kind: 'nbd', listen: 'unix:/etc/eterne/w.nbd' }]);
  });

  it('refuses sets whose volumes are not there, are in two sets, or differ in what they have in common', () => {
    const refusals: readonly (readonly [string, RegExp])[] = [
      ['{ name: db, volumes: [v0, log] }', /there is no volume log/],
      ['{ name: db, volumes: [v0, v0] }', /v0 is in a set already/],
      ['{ name: v0, volumes: [v0, wal] }', /a volume or another set has this name/],
      ['{ name: db, volumes: [v0] }, { name: db, volumes: [wal] }', /another set has this name/],
    ];
    for (const [set, message] of refusals)
      assert.match(error(`${MINIMAL}${SECOND}mirrorSets: [${set}]\n`), message);
    const async = SECOND.replace('{ name', '{ mode: async, name');
    const sets = 'mirrorSets: [{ name: db, volumes: [v0, wal] }]\n';
    assert.match(error(`${MINIMAL}${async}${sets}`), /^FILE:9: .*mode of wal is not that of v0$/);
    assert.match(error(`${MINIMAL.replace('a.meta', 'internal')}${SECOND}${sets}`), /must be in a file/);
  });
});
