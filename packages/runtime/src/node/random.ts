import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { Random } from '../ports.ts';

export const nodeRandom: Random = {
  bytes: (lengthBytes) => randomBytes(lengthBytes),
  below: (bound) => randomInt(bound),
  uuid: () => randomUUID(),
};
