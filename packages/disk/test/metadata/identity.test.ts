import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import { EterneError } from '@eterne/base';
import { NIL_UUID } from '../../src/metadata/api.ts';
import { judge } from '../../src/metadata/identity.ts';
import type { CreationStage } from '../../src/metadata/marker.ts';
import { decodeMarker, encodeMarker } from '../../src/metadata/marker.ts';
import type { SlotContent } from '../../src/metadata/superblock.ts';

const EXPECTED = { volume: 'v0', node: 'a', sizeBytes: 4096, setLayout: NIL_UUID };
const EMPTY: SlotContent = { kind: 'empty' };
const CORRUPT: SlotContent = { kind: 'corrupt' };
const FOREIGN: SlotContent = { kind: 'foreign' };

function verdict(slots: readonly SlotContent[], marker: CreationStage | undefined): string {
  const finding = judge(slots, marker, EXPECTED);
  return finding instanceof EterneError ? finding.code : finding.kind;
}

describe('judge, when no superblock is good', () => {
  it('starts a creation again that never ended, whatever it left in the slots', () => {
    for (const slot of [EMPTY, CORRUPT, FOREIGN])
      assert.equal(verdict([slot, EMPTY], 'creating'), 'half-created');
  });

  it('never takes a store that was once in use for blank', () => {
    for (const slot of [EMPTY, CORRUPT, FOREIGN]) assert.equal(verdict([slot, slot], 'created'), 'corrupt');
    assert.equal(verdict([EMPTY, CORRUPT], undefined), 'corrupt');
  });

  it('tells blank from foreign', () => {
    assert.equal(verdict([EMPTY, EMPTY], undefined), 'blank');
    assert.equal(verdict([FOREIGN, EMPTY], undefined), 'refused');
  });
});

describe('the creation marker', () => {
  it('comes back, and nothing else does', () => {
    for (const stage of ['creating', 'created'] as const) {
      const page = encodeMarker(stage);
      assert.equal(decodeMarker(page), stage);
      page[100] = 1;
      assert.equal(decodeMarker(page), undefined);
    }
  });
});
