import { networkInterfaces } from 'node:os';
import type { Interfaces } from '../ports.ts';

export const nodeInterfaces: Interfaces = {
  running() {
    const rows = Object.entries(networkInterfaces());
    return new Map(rows.map(([name, rows = []]) => [name, rows.map(({ address }) => address)]));
  },
};
