import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { openMetadata } from '@eterne/disk/metadata/index.ts';
import { pickEquipment, withMetadataBehind } from '../../src/equipped/equipment.ts';
import { EquippedExtras } from '../../src/equipped/extras.ts';
import { VOLUME } from '../../src/mirror/equipment.ts';
import { MirrorScenario } from '../../src/mirror/scenario.ts';
import type { SimNode } from '../../src/world/node.ts';
import { Prng } from '../../src/world/prng.ts';

/** In most of them a disk with metadata behind its data is replaced while another node serves. */
const SEEDS = [4002010, 4002011, 4002012, 4002024, 4002025];

test('the metadata of a disk that was replaced has a log as large as the others have', () => {
  let replaced = 0;
  for (const seed of SEEDS) {
    const equipment = withMetadataBehind(pickEquipment(new Prng(seed, 'equipment')));
    const scenario = new MirrorScenario(
      seed,
      { keepLines: false },
      equipment,
      (whole) => new EquippedExtras(whole),
    );
    scenario.run();
    replaced += scenario.universe.tally.get('disks replaced') ?? 0;
    const slots = scenario.nodes.map((node) => logSlotsOf(scenario, node));
    assert.deepEqual(new Set(slots), new Set([slots[0]]), `seed ${seed}`);
  }
  assert.ok(replaced > 2, `${replaced} disks are replaced`);
});

function logSlotsOf(scenario: MirrorScenario, node: SimNode): number {
  const store = scenario.metadataOf(node).durable();
  assert.ok(!(store instanceof EterneError));
  let slots: number | undefined;
  openMetadata(
    {
      store,
      random: new Prng(1, 'a look'),
      volume: VOLUME,
      node: node.name,
      sizeBytes: scenario.sizeBytes,
      peers: [],
    },
    (opened) => {
      if (!(opened instanceof EterneError)) slots = opened.activityLog.slotCount;
    },
  );
  assert.ok(slots !== undefined, `${node.name} has metadata`);
  return slots;
}
