/**
 * Who has everything is remembered by the devices themselves. One that fails just while that is written down, or while it takes the lead, must not be left with
 * a record by which it has everything, while others go on: arrays and hosts are lost until only that one is there.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MIB } from '@eterne/base';
import { Site } from './support/site.ts';

const BLOCK_WRITTEN = 5;
const BEFORE = 5;
const AFTER = 6;
/** Events of the scheduler that are looked at, one after the other. */
const MOMENTS = 12;

function serving(arrays: readonly string[] = ['d1', 'd2']): Site {
  const site = new Site({ arrays, config: { sizeBytes: MIB } }).startServing();
  site.write(site.a, BLOCK_WRITTEN, BEFORE);
  site.flush(site.a);
  return site;
}

function runEvents(site: Site, count: number): void {
  let left = count;
  site.scheduler.runUntil(() => left-- <= 0, 10_000);
}

function eventsUntil(site: Site, isDone: () => boolean): number {
  let count = -1;
  assert.ok(site.scheduler.runUntil(() => (count += 1) >= 0 && isDone(), 20_000));
  return count;
}

/**
 * `a` writes once more, if it can, and dies; of the arrays only d2 is there for `b`, which either refuses, or serves what was acknowledged. Gives whether
 * something was.
 */
function isAcknowledgedWithout(site: Site, when: string): boolean {
  const last = site.begin(site.a, BLOCK_WRITTEN, AFTER);
  site.scheduler.runFor(300);
  const isAcknowledged = last.answer === 'ok';
  site.a.kill();
  for (const array of site.arrays) array.fail();
  site.d2.restore();
  if (site.tryPromote(site.b) !== undefined) return isAcknowledged;
  const found = site.read(site.b, BLOCK_WRITTEN);
  assert.ok(found === AFTER || !isAcknowledged, `${when}: ${found} is served, ${AFTER} was acknowledged`);
  return isAcknowledged;
}

/** d2 has gone on alone, and d1 is on its way back. */
function returning(): Site {
  const site = serving();
  site.d1.fail();
  site.until(() => site.a.volume.status().inSyncSet.join() === 'd2');
  site.d1.restore();
  site.until(() => site.replica(site.a, 'd1').replication !== 'Off');
  return site;
}

for (const losesWrites of [false, true])
  describe(`a device that is lost ${losesWrites ? 'with' : 'without'} what is on its way to it`, () => {
    test('while it leads, and another comes into the set', () => {
      const first = returning();
      const last = eventsUntil(first, () => first.a.volume.status().inSyncSet.length === 2);
      for (let events = last - MOMENTS; events <= last; events += 1) {
        const site = returning();
        runEvents(site, events);
        site.d2.fail(losesWrites);
        site.scheduler.runFor(100);
        isAcknowledgedWithout(site, `lost at event ${events} of ${last}`);
      }
    });

    test('while it takes the lead of three', () => {
      const begun = (): Site => {
        const site = serving(['d1', 'd2', 'd3']);
        site.d1.fail();
        site.begin(site.a, 9, 9);
        return site;
      };
      const first = begun();
      const last = eventsUntil(first, () => first.replica(first.a, 'd2').isSource);
      for (let events = last - MOMENTS; events <= last; events += 1) {
        const site = begun();
        runEvents(site, events);
        site.d2.fail(losesWrites);
        site.scheduler.runFor(1000);
        isAcknowledgedWithout(site, `lost at event ${events} of ${last}`);
      }
    });
  });

describe('a host that lost all arrays with a request unanswered', () => {
  for (const losesWrites of [false, true])
    test(`asks it of none that another host has served meanwhile (${losesWrites ? 'writes are lost' : 'writes arrive'})`, () => {
      const begun = (): { readonly site: Site; readonly held: { answer: string | undefined } } => {
        const site = serving();
        site.d1.fail();
        return { site, held: site.begin(site.a, BLOCK_WRITTEN, BEFORE) };
      };
      const first = begun();
      const last = eventsUntil(first.site, () => first.site.replica(first.site.a, 'd2').isSource);
      for (let events = last - MOMENTS; events <= last; events += 1) {
        const { held, site } = begun();
        runEvents(site, events);
        site.d2.fail(losesWrites);
        site.scheduler.runFor(50);
        if (held.answer !== undefined) continue;
        for (const array of site.arrays) array.restore();
        site.promote(site.b);
        site.write(site.b, BLOCK_WRITTEN, AFTER);
        site.demote(site.b);
        site.scheduler.runFor(3000);
        if (site.a.volume.status().role !== 'primary') site.promote(site.a);
        site.until(() => site.a.volume.device !== undefined && held.answer !== undefined);
        assert.equal(
          site.read(site.a, BLOCK_WRITTEN),
          AFTER,
          `lost at event ${events} of ${last}: an old write came after a newer one`,
        );
      }
    });
});
