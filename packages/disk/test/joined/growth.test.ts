import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BLOCK, SIZE_BYTES } from '../engine/support/mesh.ts';
import { Site } from './support/site.ts';

const GROWN_BYTES = 2 * SIZE_BYTES;
/** Of the scheduler: every moment would take minutes. */
const STRIDE = 16;
const BEHIND = SIZE_BYTES / BLOCK + 3;

function grow(site: Site): string | undefined {
  const growth = site.resize(site.a, GROWN_BYTES);
  site.until(() => growth.answer !== undefined);
  return growth.answer;
}

const shown = ({ volume }: Site['a']) => [volume.status().sizeBytes, volume.device?.sizeBytes];

describe('a volume of several devices', () => {
  test('grows on all of them while it is served, and the other host shows its new size', () => {
    const site = new Site().startServing();
    const { device } = site.a.volume;
    assert.equal(grow(site), 'ok');
    assert.deepEqual(shown(site.a), [GROWN_BYTES, GROWN_BYTES]);
    assert.equal(site.a.volume.device, device, 'front ends see one device');
    site.write(site.a, BEHIND, 9);
    site.until(() => site.isWhole(site.a));
    site.assertIdentical(GROWN_BYTES);
    site.demote(site.a);
    assert.equal(site.a.volume.status().sizeBytes, GROWN_BYTES);
    site.promote(site.b);
    assert.deepEqual(shown(site.b), [GROWN_BYTES, GROWN_BYTES]);
    assert.equal(site.read(site.b, BEHIND), 9);
  });

  test('grows without one that was lost, which grows when it is back', () => {
    const site = new Site().startServing();
    site.d2.fail();
    site.write(site.a, 1, 1);
    assert.equal(grow(site), 'ok');
    site.write(site.a, BEHIND, 9);
    site.d2.restore();
    site.until(() => site.isWhole(site.a));
    site.assertIdentical(GROWN_BYTES);
  });

  test('does not grow where one of them cannot', () => {
    const site = new Site().startServing();
    site.d2.disk.capacityBytes = site.d2.disk.sizeBytes;
    assert.equal(grow(site), 'refused');
    assert.deepEqual(shown(site.a), [SIZE_BYTES, SIZE_BYTES]);
    assert.ok(site.isWhole(site.a));
  });

  test('a host that does not serve grows nothing', () => {
    const site = new Site().startServing();
    const growth = site.resize(site.b, GROWN_BYTES);
    assert.equal(growth.answer, 'refused');
  });

  for (const lost of ['d1', 'd2'] as const)
    test(`loses ${lost} while it grows, at any moment: no size that was shown is taken back`, () => {
      let outcomes = '';
      for (let steps = 0; ; steps += STRIDE) {
        const site = new Site().startServing();
        site.write(site.a, 1, 1);
        const growth = site.resize(site.a, GROWN_BYTES);
        let left = steps;
        site.until(() => left-- === 0);
        const isOver = growth.answer !== undefined;
        const [, before = 0] = shown(site.a);
        site[lost].fail();
        site.until(() => growth.answer !== undefined);
        site.write(site.a, 2, 2);
        site[lost].restore();
        site.until(() => site.isWhole(site.a));
        const [told, after = 0] = shown(site.a);
        assert.ok(after >= before, `after ${steps} steps ${before} bytes were shown, then ${after}`);
        assert.equal(told, after);
        if (growth.answer === 'ok') assert.equal(after, GROWN_BYTES);
        site.write(site.a, after / BLOCK - 1, 7);
        site.until(() => site.isWhole(site.a));
        site.assertIdentical(after);
        outcomes += growth.answer === 'ok' ? '+' : '-';
        if (isOver) break;
      }
      assert.match(outcomes, /-.*\+/, 'it was cut short, and was not');
    });
});
