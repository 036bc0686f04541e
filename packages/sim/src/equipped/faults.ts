/** What happens to a well equipped mirror besides: each needs something that not every seed's has. */
import { slowDisk } from '../faults/disks.ts';
import type { Fault, FaultPlan } from '../faults/plan.ts';
import type { MirrorScenario } from '../mirror/scenario.ts';
import { changeLink } from '../world/link-changes.ts';
import type { SimNode } from '../world/node.ts';
import { SECTOR_BYTES } from '../world/page.ts';
import type { Prng } from '../world/prng.ts';
import type { Growth } from './growth.ts';
import { Replacements } from './replacements.ts';
import type { Rot } from './rot.ts';

const ROTTEN_BLOCKS_MAX = 4;
const WORN_SPOTS_MAX = 3;
const READ_REPORT_MS = 8_000;
const RETRY_MS = 1_000;
const WORN_SECTORS_MAX = 12;
/** A peer dies so soon after a growth has begun. */
const LOSS_MS = 1_000;
/** Somewhere between the steps of a growth: so many disk operations of one replica from its beginning. */
const GROWTH_OPERATIONS_MAX = { external: 40, internal: 200 } as const;

export interface FaultParts {
  readonly scenario: MirrorScenario;
  readonly rot: Rot;
  readonly growth: Growth;
}

export function equippedFaults({ scenario, rot, growth }: FaultParts): Readonly<Record<string, Fault>> {
  const { equipment, supervisor, universe } = scenario;
  const replacements = new Replacements(scenario);
  const operationsMax = GROWTH_OPERATIONS_MAX[equipment.metadata];
  return {
    rot: (_plan, node, chance) => {
      if (equipment.checksums === 'none') return undefined;
      if (rot.strike(node, chance, chance.whole(1, ROTTEN_BLOCKS_MAX), true) === 0) return undefined;
      return () => rot.mend();
    },
    'path cut': (plan, node, chance) => cutPath(scenario, plan, node, chance),
    'bad path': (plan, node, chance) => worsenPath(scenario, plan, node, chance),
    'broken path': (_plan, node, chance) => {
      if (equipment.paths === 0) return undefined;
      const path = `${chance.whole(1, equipment.paths)}`;
      for (const { network } of node.processes) network.breakPath(path);
      return () => undefined;
    },
    growth: (_plan, node) => (growth.begin() ? () => supervisor.revive(node) : undefined),
    'growth cut short': (_plan, node, chance) => {
      const processes = [...node.processes];
      if (processes.length === 0 || !growth.begin()) return undefined;
      for (const process of processes) process.crashAfterOperations(chance.whole(1, operationsMax));
      return () => {
        if (processes.some(({ alive }) => !alive)) universe.count('growths refused or cut short');
        for (const process of node.processes) process.crashAfterOperations(0);
        supervisor.revive(node);
      };
    },
    verify: (_plan, _node, chance) => verify(scenario, chance),
    'orderly restart': (_plan, node) => {
      const host = scenario.hosts.get(node.name);
      if (host?.volume === undefined || !host.process.alive) return undefined;
      const { process, volume } = host;
      process.enter(() => volume.close(() => process.crash()));
      return () => {
        process.crash();
        supervisor.revive(node);
      };
    },
    'worn-out sectors': (_plan, node, chance) => {
      const disk = chance.pick(scenario.dataDisksOf(node));
      const isOfVolume = (offset: number): boolean =>
        equipment.metadata === 'external' || offset + WORN_SECTORS_MAX * SECTOR_BYTES <= scenario.shownBytes;
      const offsets = disk?.pageOffsets().filter(isOfVolume) ?? [];
      for (let spot = chance.whole(1, WORN_SPOTS_MAX); spot > 0; spot -= 1)
        disk?.wearOut(chance.pick(offsets) ?? 0, chance.whole(1, WORN_SECTORS_MAX));
      return () => undefined;
    },
    ...(equipment.metadata === 'internal' ? movesOfMetadata({ scenario, growth }) : {}),
    'replaced disk': (_plan, node, chance) => replacements.replace(node, chance),
    'disk taken out and put back': (_plan, node) => replacements.takeOut(node),
  };
}

function verify(scenario: MirrorScenario, chance: Prng): (() => void) | undefined {
  const { primary, universe } = scenario;
  if (primary === undefined) return undefined;
  const repair = chance.chance(0.5);
  const { host, volume } = primary;
  host.process.enter(() =>
    volume.verify({ fast: chance.chance(0.1), repair }, (error) =>
      universe.count(error === undefined ? 'verifies begun' : 'verifies refused'),
    ),
  );
  if (!repair) universe.scheduler.after(READ_REPORT_MS, () => copyMarked(scenario));
  return () => undefined;
}

/** The operator has read what the verify has found, and has it put right: until then it stays as it is. */
function copyMarked(scenario: MirrorScenario): void {
  const { primary, universe } = scenario;
  const again = (): void => void universe.scheduler.after(RETRY_MS, () => copyMarked(scenario));
  if (primary === undefined) return again();
  primary.host.process.enter(() =>
    primary.volume.resync(undefined, (error) => {
      if (error !== undefined) return again();
      // Of several peers one may have been busy, which is no refusal.
      universe.scheduler.after(RETRY_MS, () => {
        if (isMarked(scenario)) copyMarked(scenario);
      });
    }),
  );
}

function isMarked({ primary }: MirrorScenario): boolean {
  const peers = primary?.host.process.alive === true ? primary.volume.status().peers : [];
  return peers.some(({ dirtyBytes, replication }) => replication === 'Established' && dirtyBytes > 0);
}

function cutPath(
  { equipment, universe }: MirrorScenario,
  plan: FaultPlan,
  node: SimNode,
  chance: Prng,
): (() => void) | undefined {
  if (equipment.paths === 0) return undefined;
  const path = `${chance.whole(1, equipment.paths)}`;
  const [there, back] = plan.pickDirections(chance);
  const { network } = universe;
  const others = plan.others(node);
  for (const other of others) {
    if (there) network.setLink(node, other, false, path);
    if (back) network.setLink(other, node, false, path);
  }
  return () => {
    for (const other of others) {
      network.setLink(node, other, true, path);
      network.setLink(other, node, true, path);
    }
  };
}

/** Slow, so that pieces overtake each other, and perhaps one that changes bytes. */
function worsenPath(
  { equipment, universe }: MirrorScenario,
  plan: FaultPlan,
  node: SimNode,
  chance: Prng,
): (() => void) | undefined {
  if (equipment.paths === 0) return undefined;
  const path = `${chance.whole(1, equipment.paths)}`;
  const corruption = chance.chance(0.3) ? chance.between(0.001, 0.05) : 0;
  const links = plan
    .others(node)
    .flatMap((other) => [
      universe.network.linkBetween(node, other, path),
      universe.network.linkBetween(other, node, path),
    ]);
  const ends = links.map((link) => changeLink(link, { latencyMs: [1, chance.between(2, 400)], corruption }));
  return () => {
    for (const end of ends) end();
  };
}

/** Metadata that has to move is changed meanwhile: the move takes long, and a peer dies, so that everything that is written from then on is marked. */
function movesOfMetadata({
  scenario,
  growth,
}: Pick<FaultParts, 'scenario' | 'growth'>): Readonly<Record<string, Fault>> {
  const { supervisor, universe } = scenario;
  return {
    'growth while a peer dies': (plan, node, chance) => {
      const { primary } = scenario;
      if (primary === undefined || primary.node === node || !growth.begin()) return undefined;
      const mend = slowDisk(plan, primary.node, chance);
      universe.scheduler.after(chance.between(0, LOSS_MS), () => {
        for (const process of node.processes) process.crash();
      });
      return () => {
        mend?.();
        supervisor.revive(node);
      };
    },
  };
}
