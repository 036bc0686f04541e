import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { BlockStore, OpenStoreOptions, World } from '@eterne/runtime';
import type { VolumeConfig } from '../../../src/engine/api.ts';
import { internalOffset } from '../../../src/engine/disk/internal-place.ts';
import { openStores, type OpenedStores } from '../../../src/engine/disk/open-stores.ts';
import { metadataBytes } from '../../../src/metadata/index.ts';
import { CrashStore } from '../../metadata/crash-store.ts';

const SIZE_BYTES = 4 * 1024 * 1024 + 4096;

/** Files in memory. Opening one keeps what was written, flushed or not. */
class MemoryFiles {
  readonly files = new Map<string, Buffer>();
  /** Devices do not grow. */
  readonly devices = new Set<string>();

  open(path: string, options: OpenStoreOptions, done: (result: BlockStore | EterneError) => void): void {
    const present = this.files.get(path);
    const createBytes = this.devices.has(path) ? 0 : (options.createSizeBytes ?? 0);
    if (present === undefined && (options.createSizeBytes === undefined || this.devices.has(path)))
      return done(new EterneError('not-found', `${path} is missing`));
    const content = Buffer.alloc(Math.max(present?.length ?? 0, createBytes));
    present?.copy(content);
    const store = new CrashStore(content);
    this.files.set(path, store.current);
    done(store);
  }
}

function worldOn(stores: MemoryFiles): World {
  let uuid = 0;
  const ports: Partial<World> = {
    stores,
    random: {
      bytes: (lengthBytes) => Buffer.alloc(lengthBytes),
      below: () => 0,
      uuid: () => `00000000-0000-4000-8000-${String(++uuid).padStart(12, '0')}`,
    },
    log: () => {},
  };
  return ports as World;
}

function config(metadataPath: string): VolumeConfig {
  const part: Partial<VolumeConfig> = {
    name: 'v0',
    node: 'a',
    sizeBytes: SIZE_BYTES,
    devicePath: 'data',
    metadataPath,
    peers: { b: ['b:1'] },
    diskTimeoutMs: 1000,
  };
  return part as VolumeConfig;
}

function open(files: MemoryFiles, metadataPath: string, sizeBytes = SIZE_BYTES): OpenedStores | EterneError {
  let result: OpenedStores | EterneError | undefined;
  openStores(worldOn(files), { ...config(metadataPath), sizeBytes }, (opened) => (result = opened));
  assert.ok(result, 'opened at once');
  return result;
}

function opened(files: MemoryFiles, metadataPath: string): OpenedStores {
  const result = open(files, metadataPath);
  if (result instanceof EterneError) throw result;
  return result;
}

function close({ data, metadata }: OpenedStores): void {
  metadata.close((error) => assert.equal(error, undefined));
  data.close(() => {});
}

/** As after its first promotion. */
function promoted({ metadata }: OpenedStores): void {
  metadata.update(
    (state) => ({ ...state, justCreated: false, diskState: 'UpToDate', term: { number: 3, grantor: 'a' } }),
    (error) => assert.equal(error, undefined),
  );
}

describe('internal metadata', () => {
  test('lies behind the volume, and leaves the data that was there alone', () => {
    const files = new MemoryFiles();
    files.files.set('data', Buffer.alloc(SIZE_BYTES, 0x5a));
    const first = opened(files, 'internal');
    assert.equal(first.data.sizeBytes, internalOffset(SIZE_BYTES));
    promoted(first);
    close(first);
    const device = files.files.get('data');
    assert.equal(device?.length, internalOffset(SIZE_BYTES) + metadataBytes(SIZE_BYTES));
    assert.deepEqual(device.subarray(0, SIZE_BYTES), Buffer.alloc(SIZE_BYTES, 0x5a));
    const again = opened(files, 'internal');
    assert.deepEqual([again.metadata.state.term.number, again.metadata.recovery.created], [3, false]);
  });

  test('needs room behind the volume, and will not have somebody else’s', () => {
    const files = new MemoryFiles();
    files.devices.add('data');
    files.files.set('data', Buffer.alloc(SIZE_BYTES));
    const small = open(files, 'internal');
    assert.ok(small instanceof EterneError);
    assert.equal(small.code, 'config');
    files.files.set('data', Buffer.alloc(internalOffset(SIZE_BYTES) + metadataBytes(SIZE_BYTES), 1));
    const used = open(files, 'internal');
    assert.ok(used instanceof EterneError);
    assert.equal(used.code, 'refused');
    assert.ok(
      files.files.get('data')?.every((byte) => byte === 1),
      'nothing was written',
    );
  });
});

/** As a block device of this size, which holds `fill`. */
function device(sizeBytes: number, fill = 0): MemoryFiles {
  const files = new MemoryFiles();
  files.devices.add('data');
  files.files.set('data', Buffer.alloc(sizeBytes, fill));
  return files;
}

const ROOMY_BYTES = 4 * SIZE_BYTES;

describe('a device with internal metadata whose configured size was changed', () => {
  for (const [what, sizeBytes] of [
    ['larger', 2 * SIZE_BYTES],
    ['smaller', SIZE_BYTES / 2],
  ] as const)
    test(`(${what}) is not taken for a new one, and nothing is written to it`, () => {
      const files = device(ROOMY_BYTES);
      const first = opened(files, 'internal');
      promoted(first);
      close(first);
      const before = Buffer.from(files.files.get('data') ?? '');
      const result = open(files, 'internal', Math.floor(sizeBytes / 4096) * 4096);
      assert.ok(result instanceof EterneError);
      assert.equal(result.code, 'conflict');
      assert.match(result.message, /has its metadata at byte 5242880/);
      assert.ok(before.equals(files.files.get('data') ?? Buffer.alloc(0)));
      assert.equal(opened(files, 'internal').metadata.state.term.number, 3);
    });

  test('is told from one whose metadata somebody has erased to begin anew', () => {
    const files = device(ROOMY_BYTES);
    close(opened(files, 'internal'));
    files.files.get('data')?.fill(0, internalOffset(SIZE_BYTES), internalOffset(SIZE_BYTES) + 12_288);
    const again = open(files, 'internal', 2 * SIZE_BYTES);
    assert.ok(!(again instanceof EterneError));
    assert.ok(again.metadata.recovery.created);
    close(again);
    assert.equal((open(files, 'internal') as EterneError).code, 'conflict');
  });

  test('has no sign where its end holds somebody else’s, which stays', () => {
    const files = device(ROOMY_BYTES);
    files.files.get('data')?.write('EFI PART', ROOMY_BYTES - 512);
    close(opened(files, 'internal'));
    assert.equal(
      files.files.get('data')?.toString('latin1', ROOMY_BYTES - 512, ROOMY_BYTES - 504),
      'EFI PART',
    );
    assert.ok(!(open(files, 'internal') instanceof EterneError));
  });
});

describe('a data file that is gone', () => {
  for (const how of ['removed', 'emptied'] as const)
    test(`(${how}) is never taken for the one the metadata knew`, () => {
      const files = new MemoryFiles();
      const first = opened(files, 'meta');
      promoted(first);
      close(first);
      files.files.delete('data');
      if (how === 'emptied') files.files.set('data', Buffer.alloc(0));
      const { state } = opened(files, 'meta').metadata;
      assert.deepEqual([state.justCreated, state.diskState, state.set.members], [true, 'Inconsistent', []]);
      assert.deepEqual(state.term, { number: 3, grantor: 'a' }, 'what it knows of terms stays');
    });

  test('is made when nothing was ever on it', () => {
    const files = new MemoryFiles();
    close(opened(files, 'meta'));
    files.files.delete('data');
    assert.equal(opened(files, 'meta').data.sizeBytes, SIZE_BYTES);
  });
});
