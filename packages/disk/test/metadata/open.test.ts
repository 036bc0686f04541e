import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import { crc32c, KIB, MIB } from '@eterne/base';
import type { MetadataState } from '../../src/metadata/api.ts';
import { NIL_UUID } from '../../src/metadata/api.ts';
import { metadataBytes, PAGE_BYTES } from '../../src/metadata/layout.ts';
import { openMetadata } from '../../src/metadata/open.ts';
import { VolumeMetadataDriver } from '../../src/metadata/volume-metadata.ts';
import { CrashStore } from './crash-store.ts';
import {
  blankStore,
  opened,
  optionsFor,
  refused,
  seededRandom,
  succeeds,
  tryOpen,
  VOLUME_BYTES,
} from './fixture.ts';

/** The content of a store that was created, given term 7, and closed. */
function createdContent(): Buffer {
  const store = blankStore();
  const metadata = opened(optionsFor(store));
  succeeds((done) =>
    metadata.update((state) => ({ ...state, term: { number: 7, grantor: 'cluster' } }), done),
  );
  succeeds((done) => metadata.close(done));
  return store.current;
}

function garbled(content: Buffer, ...slots: number[]): CrashStore {
  const copy = Buffer.from(content);
  for (const slot of slots) copy.fill(0x5a, slot * PAGE_BYTES + 100, slot * PAGE_BYTES + 200);
  return new CrashStore(copy);
}

describe('openMetadata', () => {
  it('creates where the store is blank, and finds everything again', () => {
    const store = blankStore();
    const created = opened(optionsFor(store));
    assert.equal(created.recovery.created, true);
    assert.equal(created.state.justCreated, true);
    assert.deepEqual(created.peers, ['b']);
    created.bitmap('b').markDirty(5 * MIB, 1);
    succeeds((done) => created.close(done));

    const again = opened(optionsFor(new CrashStore(store.stable)));
    assert.equal(again.recovery.created, false);
    assert.equal(again.recovery.unclean, false);
    assert.equal(again.replicaUuid, created.replicaUuid);
    assert.ok(again.state.incarnation > created.state.incarnation);
    assert.deepEqual(again.state.formerIncarnations, [created.state.incarnation]);
    assert.equal(again.bitmap('b').dirtyBytes, 4 * KIB);
    assert.equal(again.bitmap('b').anyDirty(5 * MIB, 4 * KIB), true);
  });

  it('opens after a kill and then a power failure, wherever they strike', () => {
    const random = seededRandom(3);
    const created = createdContent();
    const fates = ['lost', 'kept', 'garbled'] as const;
    let cuts = 0;
    for (let kill = 1; kill < 12; kill += 1)
      for (let cut = 1; cut < 12; cut += 1) {
        const store = new CrashStore(created);
        store.stopAt = kill;
        tryOpen(optionsFor(store));
        store.killUser();
        store.stopAt = store.operations + cut;
        cuts += tryOpen(optionsFor(store)) === undefined ? 1 : 0;
        const content = store.afterPowerFailure(() => fates[random.below(3)] ?? 'lost');
        const metadata = opened(optionsFor(new CrashStore(content)));
        assert.deepEqual(metadata.state.term, { number: 7, grantor: 'cluster' });
      }
    assert.ok(cuts > 50, `${cuts} openings were cut short`);
  });

  it('serves from either slot when the other is damaged, with the newest state', () => {
    const content = createdContent();
    for (const slot of [0, 1]) {
      const metadata = opened(optionsFor(garbled(content, slot)));
      assert.deepEqual(metadata.state.term, { number: 7, grantor: 'cluster' });
    }
  });

  it('refuses and touches nothing when both slots are damaged', () => {
    const content = createdContent();
    for (const damaged of [garbled(content, 0, 1), zeroed(content)]) {
      const before = Buffer.from(damaged.current);
      assert.equal(refused(optionsFor(damaged)).code, 'corrupt');
      assert.ok(damaged.current.equals(before));
      assert.equal(damaged.closed, true);
    }
  });

  it('refuses metadata of another volume or node', () => {
    const content = createdContent();
    for (const changes of [{ volume: 'v1' }, { node: 'b', peers: [] }])
      assert.equal(refused(optionsFor(new CrashStore(content), changes)).code, 'conflict');
  });

  it('refuses a size that the volume never had', () => {
    for (const sizeBytes of [VOLUME_BYTES / 2, 2 * VOLUME_BYTES]) {
      const store = new CrashStore(Buffer.concat([createdContent(), Buffer.alloc(8 * MIB)]));
      assert.equal(refused(optionsFor(store, { sizeBytes })).code, 'conflict');
    }
  });

  it('refuses an unknown format version although the other slot is known', () => {
    const content = createdContent();
    const page = content.subarray(0, PAGE_BYTES);
    page.writeUInt32LE(9, 12);
    page.writeUInt32LE(0, 8);
    page.writeUInt32LE(crc32c(page), 8);
    assert.equal(refused(optionsFor(new CrashStore(content))).code, 'unsupported');
  });

  it('never creates over foreign data, wherever it lies', () => {
    const sizeBytes = metadataBytes(VOLUME_BYTES);
    for (const offset of [0, 4096, 9000, 500_000, 1_048_576 + 5000, 1_048_576 + 12_288, sizeBytes - 1]) {
      const content = Buffer.alloc(sizeBytes);
      content[offset] = 1;
      const store = new CrashStore(content);
      assert.equal(refused(optionsFor(store)).code, 'refused');
      assert.ok(store.current.equals(content));
    }
  });

  it('refuses a store that is too small, names that do not fit and impossible sizes', () => {
    assert.equal(refused(optionsFor(new CrashStore(Buffer.alloc(MIB)))).code, 'no-space');
    assert.equal(refused(optionsFor(blankStore(), { volume: 'v'.repeat(64) })).code, 'config');
    assert.equal(refused(optionsFor(blankStore(), { sizeBytes: 0 })).code, 'config');
    assert.equal(refused(optionsFor(blankStore(), { activityLogSlots: 0 })).code, 'config');
    const peers = Array.from({ length: 33 }, (_, index) => `p${index}`);
    assert.equal(refused(optionsFor(blankStore(), { peers })).code, 'config');
  });

  it('reports a failing store as an error, at every operation of a creation', () => {
    const count = blankStore();
    opened(optionsFor(count));
    for (let failAt = 0; failAt < count.operations; failAt += 1) {
      const store = blankStore();
      store.failAt = failAt;
      assert.equal(refused(optionsFor(store)).code, 'io');
    }
  });

  it('refuses a 33rd peer and changes nothing', () => {
    const metadata = opened(optionsFor(blankStore()));
    for (let index = 1; index < 32; index += 1) succeeds((done) => metadata.addPeer(`p${index}`, done));
    metadata.addPeer('one-too-many', (error) => assert.equal(error?.code, 'refused'));
    assert.equal(metadata.peers.length, 32);
    assert.equal(metadata.peers.includes('one-too-many'), false);
  });

  it('refuses a state that could not be read back, whoever sent it', () => {
    const metadata = opened(optionsFor(blankStore()));
    const before = metadata.state;
    const unfit: Partial<MetadataState>[] = [
      { term: { number: -1, grantor: 'g' } },
      { term: { number: 1, grantor: 'g'.repeat(64) } },
      { set: { version: 2 ** 53, members: [] } },
      { set: { version: 1, members: [''] } },
      { volumeUuid: 'nonsense' },
      { generations: { current: NIL_UUID, bitmaps: {}, history: [NIL_UUID] } },
    ];
    for (const change of unfit)
      metadata.update(
        (state) => ({ ...state, ...change }),
        (error) => assert.equal(error?.code, 'refused'),
      );
    assert.deepEqual(metadata.state, before);
    assert.deepEqual(metadata.peers, ['b']);
  });

  it('works the same when callbacks come late', () => {
    const deferred: (() => void)[] = [];
    const store = new CrashStore(Buffer.alloc(metadataBytes(VOLUME_BYTES)), deferred);
    const results: unknown[] = [];
    openMetadata(optionsFor(store), (result) => results.push(result));
    while (deferred.length > 0) deferred.shift()?.();
    const [metadata] = results;
    assert(metadata instanceof VolumeMetadataDriver);
    assert.ok(metadata.state.incarnation > 0);
  });
});

function zeroed(content: Buffer): CrashStore {
  const copy = Buffer.from(content);
  copy.fill(0, 0, 2 * PAGE_BYTES);
  return new CrashStore(copy);
}
