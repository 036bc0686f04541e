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

/** A disk with metadata behind its data is replaced while another node serves. */
const SEED = 4002006;

test('the metadata of a disk that was replaced has a log as large as the others have', () => {
  const equipment = withMetadataBehind(pickEquipment(new Prng(SEED, 'equipment')));
  const scenario = new MirrorScenario(
    SEED,
    { keepLines: false },
    equipment,
    (whole) => new EquippedExtras(whole),
  );
  scenario.run();
  assert.ok((scenario.universe.tally.get('disks replaced') ?? 0) > 0, 'a disk is replaced');
  const slots = scenario.nodes.map((node) => logSlotsOf(scenario, node));
  assert.deepEqual(new Set(slots), new Set([slots[0]]));
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
