import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Site } from './support/site.ts';

describe('with onPeerLost: freeze', () => {
  test('a device that was away when another served alone is not promoted in its place', () => {
    const site = new Site({ config: { onPeerLost: 'freeze' } }).startServing();
    site.write(site.a, 5, 5);
    site.demote(site.a);
    site.d2.fail();
    assert.equal(site.tryPromote(site.a)?.code, 'refused');
    site.d2.restore();
    site.promote(site.a);
    assert.equal(site.read(site.a, 5), 5);
  });

  test('a leading device that failed under load is not promoted when the host is lost', () => {
    const site = new Site({ config: { onPeerLost: 'freeze' } }).startServing();
    site.write(site.a, 5, 5);
    site.d1.fail();
    site.write(site.a, 5, 6);
    site.flush(site.a);
    site.a.kill();
    site.d2.fail();
    site.d1.restore();
    assert.equal(site.tryPromote(site.b)?.code, 'refused');
  });
});
