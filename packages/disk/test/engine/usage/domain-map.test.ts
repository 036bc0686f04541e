import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EterneError } from '@eterne/base';
import * as fc from 'fast-check';
import { parseDomainMap } from '../../../src/engine/usage/domain-map.ts';

const MAP = `# Domain logfile created by unset_name v0.3.23
# Source: img
# Offset: 0x00000000
# current_pos  current_status
0x0C800000     ?
#      pos        size  status
0x00000000  0x008C5C00  +
0x008C5C00  0x00F3A800  ?
0x01800400  0x00040C00  +
0x01841000  0x00FBF000  ?
`;

function unusedOf(text: string, sizeBytes: number): [number, number][] {
  const runs: [number, number][] = [];
  assert.equal(
    parseDomainMap(text, sizeBytes, (offset, lengthBytes) => runs.push([offset, lengthBytes])),
    undefined,
  );
  return runs;
}

describe('the map of used blocks', () => {
  test('names what is not in use, up to the end of the volume', () => {
    assert.deepEqual(unusedOf(MAP, 1 << 30), [
      [0x8c5c00, 0xf3a800],
      [0x1841000, 0xfbf000],
    ]);
    assert.deepEqual(unusedOf(MAP, 0x8c6000), [[0x8c5c00, 0x400]]);
  });

  for (const [what, text] of [
    ['nothing', ''],
    ['only a status', '0x0 ?\n'],
    ['another status', MAP.replace('0x01800400  0x00040C00  +', '0x01800400  0x00040C00  *')],
    ['an overlap', MAP.replace('0x01841000', '0x00041000')],
    ['a tail cut at its front', MAP.slice(300)],
  ] as const)
    test(`that holds ${what} is refused`, () => {
      assert.ok(parseDomainMap(text, 1 << 30, () => {}) instanceof EterneError);
    });

  test('arbitrary text is refused or stays within the volume', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseDomainMap(`head\n${text}`, 4096, (offset, lengthBytes) => {
          assert.ok(offset >= 0 && lengthBytes > 0 && offset + lengthBytes <= 4096);
        });
      }),
    );
  });
});
