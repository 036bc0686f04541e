/** Hostile bytes made from honest ones: what is nearly right reaches deeper than noise. */
export type Random = (bound: number) => number;

/** mulberry32: the same seed gives the same bytes. */
export function seeded(seed: number): Random {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

export function noise(random: Random, lengthBytes: number): Buffer {
  return Buffer.from(Array.from({ length: lengthBytes }, () => random(256)));
}

const EXTREMES = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** A few changes at random places: a byte, a word with an extreme, a piece left out, doubled, or of noise. */
export function mutate(random: Random, honest: Buffer): Buffer {
  let bytes: Buffer = Buffer.from(honest);
  for (let left = random(5); left > 0 && bytes.length > 8; left -= 1) {
    const at = random(bytes.length - 4);
    const piece = bytes.subarray(at, at + 1 + random(64));
    switch (random(6)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        bytes.writeUInt32BE(EXTREMES[random(EXTREMES.length)] ?? 0, at);
        break;
      case 2:
        bytes.writeUInt32LE(EXTREMES[random(EXTREMES.length)] ?? 0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + piece.length)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), noise(random, 1 + random(200)), bytes.subarray(at)]);
    }
  }
  return bytes.subarray(0, random(4) === 0 ? random(bytes.length + 1) : bytes.length);
}
