/**
 * The frame that tells all neighbours where an address is now.
 *
 * IPv4: a gratuitous ARP request, sender and target address the same (RFC 5227 §3, "ARP Announcement").
 * IPv6: an unsolicited neighbour advertisement to all nodes, override set (RFC 4861 §7.2.6).
 */
import { assert } from '@eterne/base';
import type { IpAddress } from './address.ts';

const BROADCAST = Buffer.alloc(6, 0xff);
const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV6 = 0x86dd;
const ARP_REQUEST = 1;
const ICMPV6 = 58;
const NEIGHBOUR_ADVERTISEMENT = 136;
const OVERRIDE = 0x2000_0000;
const TARGET_LINK_LAYER_ADDRESS = 2;
const ALL_NODES = Buffer.from('ff020000000000000000000000000001', 'hex');
const ALL_NODES_MAC = Buffer.from('333300000001', 'hex');

export function announcement(mac: Buffer, { version, bytes }: IpAddress): Buffer {
  assert(mac.length === 6, 'an Ethernet address has 6 bytes');
  return version === 4 ? gratuitousArp(mac, bytes) : advertisement(mac, bytes);
}

function ethernet(to: Buffer, from: Buffer, type: number, payload: Buffer): Buffer {
  return Buffer.concat([to, from, uint16(type), payload]);
}

/** RFC 826: hardware Ethernet (1), protocol IPv4, lengths 6 and 4. */
function gratuitousArp(mac: Buffer, address: Buffer): Buffer {
  const kinds = Buffer.concat([uint16(1), uint16(0x0800), Buffer.of(6, 4), uint16(ARP_REQUEST)]);
  return ethernet(
    BROADCAST,
    mac,
    ETHERTYPE_ARP,
    Buffer.concat([kinds, mac, address, Buffer.alloc(6), address]),
  );
}

function advertisement(mac: Buffer, address: Buffer): Buffer {
  const message = Buffer.concat([
    Buffer.of(NEIGHBOUR_ADVERTISEMENT, 0, 0, 0),
    uint32(OVERRIDE),
    address,
    Buffer.of(TARGET_LINK_LAYER_ADDRESS, 1),
    mac,
  ]);
  const pseudoHeader = Buffer.concat([address, ALL_NODES, uint32(message.length), uint32(ICMPV6)]);
  message.writeUInt16BE(internetChecksum(Buffer.concat([pseudoHeader, message])), 2);
  const header = Buffer.concat([
    uint32(0x6000_0000),
    uint16(message.length),
    Buffer.of(ICMPV6, 255),
    address,
    ALL_NODES,
  ]);
  return ethernet(ALL_NODES_MAC, mac, ETHERTYPE_IPV6, Buffer.concat([header, message]));
}

/** RFC 1071, of an even number of bytes. */
function internetChecksum(bytes: Buffer): number {
  let sum = 0;
  for (let offset = 0; offset < bytes.length; offset += 2) sum += bytes.readUInt16BE(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
