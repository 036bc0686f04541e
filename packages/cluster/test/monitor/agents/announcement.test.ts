import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp, type IpAddress } from '../../../src/monitor/agents/ip/address.ts';
import { announcement } from '../../../src/monitor/agents/ip/announcement.ts';

const mac = Buffer.from('020304050607', 'hex');

const ip = (text: string): IpAddress => parseIp(text) ?? assert.fail(`${text} is an address`);

test('the bytes of a gratuitous ARP', () => {
  const golden = [
    'ffffffffffff', // to everybody
    '020304050607',
    '0806',
    '0001080006040001', // Ethernet, IPv4, request
    '020304050607',
    '0a140064', // sender 10.20.0.100
    '000000000000',
    '0a140064', // target: the same
  ];
  assert.equal(announcement(mac, ip('10.20.0.100')).toString('hex'), golden.join(''));
});

test('the bytes of an unsolicited neighbour advertisement', () => {
  const golden = [
    '333300000001',
    '020304050607',
    '86dd',
    '6000000000203aff', // IPv6, 32 bytes of ICMPv6, hop limit 255
    'fd000000000000000000000000000064',
    'ff020000000000000000000000000001', // to all nodes
    '88004fc7', // type 136, checksum
    '20000000', // override
    'fd000000000000000000000000000064',
    '0201020304050607',
  ];
  assert.equal(announcement(mac, ip('fd00::64')).toString('hex'), golden.join(''));
});

test('all ways to write an address mean the same bytes', () => {
  const bytes = (text: string): string => ip(text).bytes.toString('hex');
  assert.equal(bytes('192.0.2.33'), 'c0000221');
  assert.equal(bytes('::'), '00000000000000000000000000000000');
  assert.equal(bytes('::1'), '00000000000000000000000000000001');
  assert.equal(bytes('1:2:3:4:5:6:7:8'), '00010002000300040005000600070008');
  assert.equal(bytes('64:ff9b::192.0.2.33'), '0064ff9b0000000000000000c0000221');
});

test('what is no address is none', () => {
  const strangers = [
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1:2',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    'g::',
    '::1.2.3',
    'fe80::1%eth0',
  ];
  for (const text of strangers) assert.equal(parseIp(text), undefined, text);
});
