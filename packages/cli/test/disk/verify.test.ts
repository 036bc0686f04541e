import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LastVerify, LocalReplicaStatus, VerifyProgress } from '@eterne/disk/engine/api.ts';
import type { DiskStatus } from '../../src/disk/control.ts';
import { verify } from '../../src/disk/verify.ts';

interface Told {
  readonly lead: string;
  readonly verify?: VerifyProgress;
  readonly lastVerify?: LastVerify;
}

const UNDER_WAY = { checkedBytes: 1, totalBytes: 2, etaMs: null } as unknown as VerifyProgress;
const DONE = { isDone: true, differingBytes: 4096, reason: '' } as unknown as LastVerify;
const CUT = { isDone: false, differingBytes: 0, reason: 'the device is lost' } as unknown as LastVerify;

function statusOf({ lastVerify, lead, verify: progress }: Told): DiskStatus {
  const localReplicas = ['d1', 'd2'].map((name) => {
    const isSource = name === lead;
    const seen = isSource ? {} : { verify: progress, lastVerify };
    const { verify: now = null, lastVerify: last = null } = seen;
    return { name, isSource, replication: 'Established', verify: now, lastVerify: last };
  });
  const volume = { name: 'v0', peers: [], localReplicas: localReplicas as unknown as LocalReplicaStatus[] };
  return { node: 'a', volumes: [volume] } as unknown as DiskStatus;
}

/** A volume on two devices that tells one thing after the other. */
async function verified(...told: readonly Told[]): Promise<{ readonly left: number }> {
  const left = [...told];
  await verify(
    {
      names: () => Promise.resolve(['v0']),
      post: () => Promise.resolve(),
      status: () => Promise.resolve(statusOf(left.shift() ?? assert.fail('it asks too much'))),
    },
    'v0',
    {},
  );
  return { left: left.length };
}

describe('a verify of a volume on several devices', () => {
  it('is waited for until the other device was compared', async () => {
    const running: Told = { lead: 'd1', verify: UNDER_WAY };
    assert.deepEqual(await verified({ lead: 'd1' }, running, running, { lead: 'd1', lastVerify: DONE }), {
      left: 0,
    });
  });

  it('is an error when it is cut short, also by another device that leads since', async () => {
    await assert.rejects(
      verified({ lead: 'd1' }, { lead: 'd1', lastVerify: CUT }),
      /v0: the verify with d2 was cut short: the device is lost/,
    );
    await assert.rejects(
      verified({ lead: 'd1' }, { lead: 'd1', verify: UNDER_WAY }, { lead: 'd2' }),
      /v0: the verify was cut short: device d1 is not in the lead any more/,
    );
  });
});
