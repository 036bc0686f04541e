import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseTargetConfig } from '@eterne/target/config.ts';
import { groupTargets } from '@eterne/target/process/groups.ts';

function groupsOf(targets: number, luns = 1): readonly { readonly count: number; readonly alone: boolean }[] {
  const list = Array.from({ length: luns }, (_, lun) => `{ lun: ${lun}, path: a }`).join(', ');
  const each = Array.from(
    { length: targets },
    (_, index) => `{ iqn: 'iqn.2026-11.io.eterne:${index}', luns: [${list}] }`,
  );
  const config = parseTargetConfig(`portals: ['127.0.0.1:0']\ntargets: [${each.join(', ')}]`, 'target.yaml');
  return groupTargets(config.targets).map(({ targets: group, alone }) => ({ count: group.length, alone }));
}

it('waits only for a store that has its process to itself', () => {
  assert.deepEqual(groupsOf(2), [
    { count: 1, alone: true },
    { count: 1, alone: true },
  ]);
  assert.deepEqual(groupsOf(1, 2), [{ count: 1, alone: false }]);
});

it('has at most 16 processes, whatever the number of targets', () => {
  assert.equal(groupsOf(16).length, 16);
  assert.ok(groupsOf(16).every(({ alone }) => alone));
  const groups = groupsOf(200);
  assert.equal(groups.length, 16);
  assert.deepEqual(groups.at(-1), { count: 185, alone: false });
});
