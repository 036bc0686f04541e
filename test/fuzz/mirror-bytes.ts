/** What a peer may say to a replication port: preface, then frames with right headers and wrong bodies, or segments of several paths. */
import { crc32c } from '@eterne/base';
import { encodeAck, encodeData } from '@eterne/disk/protocol/paths/segment.ts';
import {
  FrameType,
  HEADER_BYTES,
  encodeHeader,
  encodePreface,
  maxBodyBytes,
} from '@eterne/disk/protocol/wire.ts';
import { noise, type Random } from './mutate.ts';

const TYPES = Object.values(FrameType);

function frame(random: Random, type: FrameType, session: number, sequence: number): Buffer {
  const body = noise(random, random(Math.min(maxBodyBytes(type) ?? 0, 3000) + 1));
  const bytes = Buffer.alloc(HEADER_BYTES + body.length);
  const coveredBytes = random(4) === 0 ? random(body.length + 1) : body.length;
  const crc = { value: crc32c(body.subarray(0, coveredBytes)), coveredBytes };
  encodeHeader(bytes, 0, type, body.length, session, sequence, crc, random(8) === 0);
  body.copy(bytes, HEADER_BYTES);
  return bytes;
}

function frames(random: Random): Buffer {
  const session = random(1 << 30);
  const count = 1 + random(20);
  return Buffer.concat(
    Array.from({ length: count }, (_, sequence) => {
      const type = sequence === 0 && random(2) === 0 ? FrameType.hello : TYPES[random(TYPES.length)];
      return frame(random, type ?? FrameType.ping, session, sequence);
    }),
  );
}

function segments(random: Random): Buffer {
  const parts: Buffer[] = [];
  let position = 0;
  for (let left = 1 + random(20); left > 0; left -= 1) {
    const data = random(2) === 0 ? frames(random) : noise(random, 1 + random(2000));
    if (random(4) === 0) parts.push(encodeAck(random(4) === 0 ? random(1 << 30) : 0));
    parts.push(encodeData(random(4) === 0 ? random(1 << 25) : position, [data], data.length));
    position += data.length;
  }
  return Buffer.concat(parts);
}

/** `from`: a node that the listener knows as a peer. */
export function mirrorConversation(random: Random, from: string): Buffer {
  const id = noise(random, 8).toString('hex');
  switch (random(5)) {
    case 0:
      return Buffer.concat([encodePreface('v0', from, { kind: 'new', id }), segments(random)]);
    case 1:
      return Buffer.concat([encodePreface('v0', from, { kind: 'join', id }), segments(random)]);
    case 2:
      return frames(random);
    case 3:
      return Buffer.from(`ETERNE-MIRROR/1 v0 ${from} state\n{"id":${random(9)},"call":"put","body":{}}\n`);
    default:
      return Buffer.concat([encodePreface('v0', from), frames(random)]);
  }
}
