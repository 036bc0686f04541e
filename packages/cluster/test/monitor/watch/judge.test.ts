import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  judgeAddress,
  judgeFull,
  judgeLink,
  judgeMemory,
  judgeReadOnly,
} from '../../../src/monitor/watch/judge.ts';

const MEMINFO = (available: number): string =>
  `MemTotal:       1000 kB\nMemFree:          10 kB\nMemAvailable:   ${available} kB\n`;
const PRESSURE = (full: number): string =>
  `some avg10=0.00 avg60=50.00 avg300=0.00 total=0\nfull avg10=90.00 avg60=${full.toFixed(2)} avg300=0.00 total=0\n`;

test('links and addresses', () => {
  assert.equal(judgeLink('eth0', { ifname: 'eth0', flags: ['UP', 'LOWER_UP'] }).is, 'well');
  assert.equal(judgeLink('eth0', { ifname: 'eth0', flags: ['UP'] }).detail, 'eth0 has no carrier');
  assert.equal(judgeLink('eth0', { ifname: 'eth0', flags: [] }).detail, 'eth0 is switched off');
  assert.equal(judgeLink('eth0', undefined).detail, 'eth0 is not there');
  const running = new Map([['eth0', ['10.0.0.1', 'fe80::1']]]);
  assert.equal(judgeAddress('fe80::1', running).is, 'well');
  assert.equal(judgeAddress('127.0.0.71', running).is, 'well');
  assert.match(judgeAddress('10.0.0.2', running).detail, /its address 10\.0\.0\.2 is on no interface/);
});

test('a file system that has become read-only: the newest one mounted there, or the one that holds the folder', () => {
  const mount = (directory: string, isReadOnly: boolean) => ({ device: 'd', directory, isReadOnly });
  const mounts = [mount('/', false), mount('/srv/db', true), mount('/srv/db', false), mount('/var', true)];
  assert.equal(judgeReadOnly('/srv/db', '/own', mounts).is, 'well');
  assert.equal(judgeReadOnly('/srv', '/own', mounts).is, 'well', 'nothing is mounted there');
  assert.equal(judgeReadOnly('/var', '/own', mounts).is, 'trouble');
  assert.equal(judgeReadOnly('', '/variable', mounts).is, 'well');
  assert.match(
    judgeReadOnly('', '/var/lib/eterne', mounts).detail,
    /^\/var\/lib\/eterne is on a file system/,
  );
});

test('room: of blocks and of file entries, with a margin for being over', () => {
  assert.equal(judgeFull('/srv', '100 6 6 1000 900', 95, false).is, 'well');
  assert.match(judgeFull('/srv', '100 4 4 1000 900', 95, false).detail, /more than 95% full/);
  assert.equal(judgeFull('/srv', '100 6 6 1000 900', 95, true).is, 'trouble');
  assert.equal(judgeFull('/srv', '100 8 8 1000 900', 95, true).is, 'well');
  assert.match(judgeFull('/srv', '100 60 60 1000 10', 95, false).detail, /less than 5% of its file entries/);
  assert.equal(judgeFull('/btrfs', '100 60 60 0 0', 95, false).is, 'well');
  assert.equal(judgeFull('/srv', 'what?', 95, false).is, 'unknown');
  assert.equal(judgeFull('/srv', '', 95, false).is, 'well', 'a kernel file system without blocks');
});

test('memory: what is available, and how long everybody waits for it', () => {
  assert.equal(judgeMemory(MEMINFO(60), PRESSURE(0), 5, false).is, 'well');
  assert.match(judgeMemory(MEMINFO(40), undefined, 5, false).detail, /less than 5% of its memory/);
  assert.equal(judgeMemory(MEMINFO(60), undefined, 5, true).is, 'trouble');
  assert.match(judgeMemory(MEMINFO(500), PRESSURE(30), 5, false).detail, /wait for memory/);
  assert.equal(judgeMemory(MEMINFO(500), PRESSURE(12), 5, true).is, 'trouble');
  assert.equal(judgeMemory('', undefined, 5, false).is, 'unknown');
});
