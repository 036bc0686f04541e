import { networkInterfaces } from 'node:os';
import { EterneError } from '@eterne/base';
import type { FrameSender } from '../ports.ts';
import { sendLinkFrame } from './native.ts';

export const nodeFrames: FrameSender = {
  send(interfaceName, build) {
    const mac = networkInterfaces()[interfaceName]?.[0]?.mac;
    if (mac === undefined)
      return new EterneError('not-found', `there is no interface ${interfaceName} with an address`);
    const frame = build(Buffer.from(mac.replaceAll(':', ''), 'hex'));
    const errno = sendLinkFrame(interfaceName, frame);
    return errno === 0 ? undefined : new EterneError('io', `send on ${interfaceName}: errno ${errno}`);
  },
};
