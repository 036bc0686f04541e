import type { FenceDevice } from '../../src/state/model.ts';

export function device(change: Partial<FenceDevice> = {}): FenceDevice {
  return {
    node: 'n1',
    agent: 'fence_a',
    params: {},
    level: 1,
    action: 'reboot',
    timeoutMs: 10_000,
    retries: 1,
    ...change,
  };
}
