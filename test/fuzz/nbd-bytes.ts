/** What an NBD client may say, honest but for small lies, as one string of bytes. */
import { noise, type Random } from './mutate.ts';

const OPTIONS = [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 99];

function option(code: number, data: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.write('IHAVEOPT', 'latin1');
  header.writeUInt32BE(code, 8);
  header.writeUInt32BE(data.length, 12);
  return Buffer.concat([header, data]);
}

function named(name: string, rest: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length, 0);
  return Buffer.concat([length, Buffer.from(name), rest]);
}

const go = (): Buffer => option(7, named('v0', Buffer.alloc(2)));

function randomOption(random: Random): Buffer {
  const code = OPTIONS[random(OPTIONS.length)] ?? 0;
  if (code === 8) return option(8, Buffer.alloc(0));
  if (code === 9 || code === 10) {
    const query = Buffer.from('base:allocation');
    const count = Buffer.from([0, 0, 0, 1, 0, 0, 0, query.length]);
    return option(code, named('v0', Buffer.concat([count, query])));
  }
  return option(code, named(random(2) === 0 ? 'v0' : 'nothing', noise(random, random(40))));
}

function request(random: Random, sizeBytes: number): Buffer {
  const type = random(9);
  const lengthBytes = random(4) === 0 ? random(0xffff_ffff) : random(64 * 1024);
  const header = Buffer.alloc(28);
  header.writeUInt32BE(0x25609513, 0);
  header.writeUInt16BE(random(3) === 0 ? random(32) : 0, 4);
  header.writeUInt16BE(type, 6);
  header.writeBigUInt64BE(BigInt(random(1 << 30)), 8);
  header.writeBigUInt64BE(BigInt(random(8) === 0 ? random(0xffff_ffff) : random(sizeBytes)), 16);
  header.writeUInt32BE(type === 3 ? 0 : lengthBytes, 24);
  // A WRITE's payload is not always as long as announced: what follows is then taken for it.
  const payload =
    type === 1 ? Buffer.alloc(Math.min(lengthBytes, random(128 * 1024)), random(256)) : Buffer.alloc(0);
  return Buffer.concat([header, payload]);
}

export function nbdConversation(random: Random, sizeBytes: number): Buffer {
  const parts: Buffer[] = [Buffer.from([0, 0, 0, random(8) === 0 ? random(256) : 3])];
  for (let left = random(5); left > 0; left -= 1) parts.push(randomOption(random));
  if (random(4) > 0) parts.push(option(8, Buffer.alloc(0)), go());
  for (let left = random(40); left > 0; left -= 1) parts.push(request(random, sizeBytes));
  return Buffer.concat(parts);
}
