/** A volume on shared devices in a cluster: terms and leases come from there, what lies on the devices decides the rest. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EterneError } from '@eterne/base';
import type { PromoteRequest } from '../../src/engine/api.ts';
import { Site, type Host } from './support/site.ts';

const GRACE_MS = 500;

interface Wish {
  readonly force?: boolean;
  readonly isFirst?: boolean;
  readonly only?: string;
}

function granted(number: number, { force = false, isFirst = false, only }: Wish = {}): PromoteRequest {
  const members = only === undefined ? [] : [only];
  return {
    force,
    granted: { term: { number, grantor: 'cluster' }, set: { version: isFirst ? 0 : 7, members } },
  };
}

function lease(site: Site, host: Host, forMs = 5000): void {
  host.volume.setLease({ validUntilBootMs: site.scheduler.nowMs + forMs, graceMs: GRACE_MS });
}

function begin(host: Host, request: PromoteRequest): { answer: string | undefined } {
  const result: { answer: string | undefined } = { answer: undefined };
  host.volume.promote(request, (error: EterneError | undefined) => (result.answer = error?.message ?? 'ok'));
  return result;
}

function take(site: Site, host: Host, number: number, wish: Wish = {}): string {
  const result = begin(host, granted(number, wish));
  const renew = (): void => {
    if (result.answer !== undefined) return;
    lease(site, host, 60_000);
    site.scheduler.at(200, renew);
  };
  renew();
  site.until(() => result.answer !== undefined);
  return result.answer ?? '';
}

/** `a` serves in term 3, both devices equal. */
function served(): Site {
  const site = new Site();
  site.a.start();
  site.b.start();
  assert.equal(take(site, site.a, 3, { isFirst: true }), 'ok');
  site.until(() => site.isWhole(site.a));
  return site;
}

describe('a term that a cluster grants', () => {
  test('is shown as it was granted, whichever device leads', () => {
    const site = served();
    assert.equal(site.a.volume.status().term, 3);
    assert.equal(site.a.volume.device?.term, 3);
    site.d1.fail();
    site.write(site.a, 4, 4);
    assert.deepEqual([site.a.volume.status().term, site.a.volume.status().inSyncSet], [3, ['d2']]);
    site.demote(site.a);
    assert.equal(site.a.volume.status().term, 0);
  });

  test('opens nothing before its lease is there, and nothing at all without one', () => {
    const site = new Site();
    site.a.start();
    lease(site, site.a, 60_000);
    const first = begin(site.a, granted(1, { isFirst: true }));
    // What was told before the term may be of an ownership that is over.
    site.scheduler.runFor(4000);
    assert.deepEqual([site.d1.holder, first.answer], [undefined, undefined]);
    assert.equal(site.a.volume.status().role, 'primary', 'whoever waits for it to let go waits on');
    site.until(() => first.answer !== undefined);
    assert.match(first.answer ?? '', /no lease/);
    assert.equal(site.a.volume.status().role, 'secondary');
    const second = begin(site.a, granted(2, { isFirst: true }));
    lease(site, site.a);
    site.until(() => second.answer !== undefined);
    assert.equal(second.answer, 'ok');
  });

  test('begins on blank devices only as the first one, and with all of them', () => {
    const site = new Site();
    site.a.start();
    assert.match(take(site, site.a, 1), /new and empty/);
    site.d2.fail();
    assert.match(take(site, site.a, 2, { isFirst: true }), /new and empty/);
    site.d2.restore();
    assert.equal(take(site, site.a, 3, { isFirst: true }), 'ok');
  });

  test('ends when another one begins, which is never an older one', () => {
    const site = served();
    assert.equal(take(site, site.a, 3), 'ok');
    assert.match(take(site, site.a, 2), /term 3 already/);
    const { device } = site.a.volume;
    assert.equal(take(site, site.a, 5), 'ok');
    assert.notEqual(site.a.volume.device, device);
    assert.equal(site.a.volume.status().term, 5);
  });
});

describe('a lease that lapses', () => {
  test('freezes, thaws when it is renewed, and closes the devices when its grace is over', () => {
    const site = new Site();
    site.a.start();
    const first = begin(site.a, granted(1, { isFirst: true }));
    lease(site, site.a, 3000);
    site.until(() => first.answer === 'ok');
    site.until(() => site.a.volume.status().frozen);
    const held = site.begin(site.a, 1, 1);
    site.scheduler.runFor(GRACE_MS / 2);
    assert.equal(held.answer, undefined);
    lease(site, site.a, 1000);
    site.until(() => held.answer === 'ok');
    site.until(() => site.a.volume.device === undefined);
    site.until(() => site.a.volume.status().role === 'secondary');
    assert.deepEqual([site.d1.holder, site.d2.holder], [undefined, undefined]);
    lease(site, site.a);
    assert.equal(site.a.volume.device, undefined, 'a late lease brings nothing back');
  });

  test('of a host that was paused: what it still writes lands nowhere, and it takes nothing back', () => {
    const site = served();
    site.write(site.a, 4, 4);
    site.scheduler.runFor(500);
    assert.equal(take(site, site.b, 4), 'ok');
    assert.deepEqual([site.d1.holder, site.d2.holder], ['b', 'b']);
    const late = site.begin(site.a, 4, 99);
    site.until(() => late.answer !== undefined);
    assert.equal(late.answer, 'ESHUTDOWN');
    site.until(() => site.isWhole(site.b));
    assert.equal(site.read(site.b, 4), 4);
    site.assertIdentical();
  });

  test('of a host that was paused before it took the devices: it finds them reserved, and leaves them alone', () => {
    const site = served();
    const stale = begin(site.b, granted(4));
    lease(site, site.b, 200);
    // Its lease is over by the time that it comes to the devices; `a` has them.
    site.a.volume.setLease({ validUntilBootMs: site.scheduler.nowMs + 60_000, graceMs: GRACE_MS });
    site.delayOpeningMs = 300;
    site.until(() => stale.answer !== undefined);
    assert.match(stale.answer ?? '', /reserved by another host|lease has expired/);
    assert.deepEqual([site.d1.holder, site.d2.holder], ['a', 'a']);
    site.write(site.a, 5, 5);
    assert.equal(site.read(site.a, 5), 5);
  });

  test('of a host that was paused beyond its grace before it took the devices: it takes none', () => {
    const site = served();
    const stale = begin(site.b, granted(4));
    lease(site, site.b, 200);
    site.a.volume.setLease({ validUntilBootMs: site.scheduler.nowMs + 60_000, graceMs: GRACE_MS });
    // It comes to the devices when it has given up already.
    site.delayOpeningMs = 200 + GRACE_MS + 100;
    site.until(() => stale.answer !== undefined);
    assert.match(stale.answer ?? '', /lease has expired/);
    assert.deepEqual([site.d1.holder, site.d2.holder], ['a', 'a']);
    site.write(site.a, 5, 5);
    assert.equal(site.read(site.a, 5), 5);
  });
});

describe('an operator’s word for one device', () => {
  test('goes on with it, although the other may have newer data, and finds the split brain later', () => {
    const site = served();
    site.d2.fail();
    site.write(site.a, 4, 4);
    site.a.kill();
    site.d1.fail();
    site.d2.restore();
    assert.match(take(site, site.b, 4), /newer data|newest copy is on d1/);
    assert.match(
      take(site, site.b, 5, { force: true, only: 'd1' }),
      /d1, which is to go on, is not there|not there/,
    );
    assert.equal(take(site, site.b, 6, { force: true, only: 'd2' }), 'ok');
    site.write(site.b, 5, 5);
    site.d1.restore();
    site.until(() => site.replica(site.b, 'd1').splitBrain);
  });

  test('gives nothing up where it turns out to be unneeded', () => {
    const site = served();
    site.d2.fail();
    site.write(site.a, 4, 4);
    site.a.kill();
    site.d2.restore();
    assert.equal(take(site, site.b, 4, { force: true, only: 'd2' }), 'ok');
    assert.equal(site.read(site.b, 4), 4);
    site.until(() => site.isWhole(site.b));
    site.assertIdentical();
  });
});
