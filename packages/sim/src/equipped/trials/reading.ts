import { valueOf } from '../../checkers/stamp.ts';
import type { MirrorScenario } from '../../mirror/scenario.ts';
import { SECTOR_BYTES } from '../../world/page.ts';
import type { SimNode } from '../../world/node.ts';
import { awaitThat } from './await.ts';

const PROMOTION_MS = 20_000;
const READ_MS = 20_000;
const RUN_SECTORS_MAX = 256;

/**
 * Each replica in turn serves everything that was ever written, through the volume: what a disk keeps elsewhere, because it could not be written, included. The
 * history of all reads is judged in the end.
 */
export function tryReading(scenario: MirrorScenario): void {
  for (const node of scenario.nodes) {
    moveTo(scenario, node);
    scenario.awaitWhole();
    if (scenario.universe.violation !== undefined) return;
    readAll(scenario);
  }
  scenario.arbiter.preferred = undefined;
}

function moveTo(scenario: MirrorScenario, node: SimNode): void {
  const { arbiter } = scenario;
  arbiter.preferred = node.name;
  if (scenario.primary?.node === node) return;
  arbiter.switchRequested = true;
  awaitThat(scenario, `${node.name} is promoted`, PROMOTION_MS, () => scenario.primary?.node === node);
}

function readAll(scenario: MirrorScenario): void {
  const { history, primary, universe } = scenario;
  const device = primary?.volume.device;
  if (primary === undefined || device === undefined) return;
  let open = 0;
  for (const [firstSector, sectorCount] of runsOf(history.touched(), scenario.shape.ends)) {
    const what = { kind: 'read', firstSector, sectorCount, durable: false } as const;
    const operation = history.begin({ ...what, term: device.term, node: primary.node.name }, universe.nowMs);
    open += 1;
    primary.host.process.enter(() =>
      device.read(firstSector * SECTOR_BYTES, sectorCount * SECTOR_BYTES, (error, data) => {
        open -= 1;
        if (error !== undefined)
          return universe.violate(
            'trial',
            `${primary.node.name} cannot read sector ${firstSector}: ${error}`,
          );
        const values = Array.from({ length: sectorCount }, (_, i) =>
          valueOf(data, i * SECTOR_BYTES, firstSector + i),
        );
        history.answerRead(operation, values, universe.nowMs);
        device.release?.(data);
      }),
    );
  }
  awaitThat(scenario, `${primary.node.name} answers every read`, READ_MS, () => open === 0);
}

/** Neighbours together. */
function runsOf(sectors: readonly number[], ends: readonly number[]): [first: number, count: number][] {
  const runs: [number, number][] = [];
  for (const sector of sectors) {
    const last = runs.at(-1);
    const isNext = last !== undefined && last[0] + last[1] === sector && !ends.includes(sector);
    if (isNext && last[1] < RUN_SECTORS_MAX) last[1] += 1;
    else runs.push([sector, 1]);
  }
  return runs;
}
