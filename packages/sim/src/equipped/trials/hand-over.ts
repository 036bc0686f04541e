import { stampedSectors } from '../../checkers/stamp.ts';
import type { MirrorScenario } from '../../mirror/scenario.ts';
import { changeLink } from '../../world/link-changes.ts';
import type { SimNode } from '../../world/node.ts';
import { SECTOR_BYTES } from '../../world/page.ts';
import { part } from '../../world/parting.ts';
import type { Prng } from '../../world/prng.ts';
import { awaitThat } from './await.ts';

const LOSS_MS = 15_000;
const BEGIN_MS = 20_000;
const PROMOTION_MS = 20_000;
const AWAY_MS = 1_000;
/** Of the link that the copy goes over: about as long as a hand-over takes, and no session ends of it. */
const SLOW_MS = [100, 600] as const;
const COPIED_FOR_MS = 800;
const SERVED_FOR_MS = 300;
const HEALED_AFTER_MS = 2_000;
const DEATH_CHANCE = 0.3;
const WRITTEN_SECTORS = 32;

interface Parts {
  readonly source: SimNode;
  readonly target: SimNode;
  readonly next: SimNode;
}

/**
 * The primary hands over while it copies to a secondary that lacks writes, over a slow link. The next primary, whom that secondary meets late or not at all, takes
 * writes, and soon hands back or dies. What is still on its way of the copy undoes nothing that was acknowledged meanwhile, nor lets it be missed when the secondary
 * joins the set.
 */
export function tryHandOver(scenario: MirrorScenario, chance: Prng): void {
  const { arbiter, nodes, primary, universe } = scenario;
  const others = nodes.filter((node) => node !== primary?.node);
  const [target] = others.splice(chance.below(others.length), 1);
  const next = chance.pick(others);
  if (primary === undefined || target === undefined || next === undefined) return;
  const parts = { source: primary.node, target, next };
  const heals = beginCopy(scenario, parts, chance);
  universe.runUntil(universe.nowMs + chance.between(0, COPIED_FOR_MS));
  handOver(scenario, parts, chance);
  universe.runUntil(universe.nowMs + chance.between(0, HEALED_AFTER_MS));
  for (const heal of heals) heal();
  arbiter.preferred = undefined;
  scenario.awaitWhole();
  scenario.sweep('after a hand-over in the middle of a copy an acknowledged write is missing');
}

/** The target is cut off until it lacks writes, and perhaps killed; then the source alone reaches it, or everybody does. */
function beginCopy(scenario: MirrorScenario, parts: Parts, chance: Prng): (() => void)[] {
  const { arbiter, hosts, nodes, universe } = scenario;
  const { source, target, next } = parts;
  const { network } = universe;
  const isAway = (): boolean => !arbiter.register.set.members.includes(target.name);
  const join = part(network, [source], [target]);
  const joinOthers = part(
    network,
    nodes.filter((node) => node !== source && node !== target),
    [target],
  );
  if (chance.chance(0.5)) hosts.get(target.name)?.process.crash();
  awaitThat(scenario, `${target.name} is put out of the set`, LOSS_MS, isAway);
  writeEverywhere(scenario);
  universe.runUntil(universe.nowMs + chance.between(0, AWAY_MS));
  const heals = [joinOthers, ...slowDown(scenario, source, target, chance)];
  const isMet = chance.chance(0.5);
  if (isMet) joinOthers();
  if (isMet && chance.chance(0.5)) heals.push(...slowDown(scenario, next, target, chance));
  join();
  const hasBegun = (): boolean => isCopying(scenario, parts) || !isAway();
  awaitThat(scenario, `${source.name} copies to ${target.name}`, BEGIN_MS, hasBegun);
  return heals;
}

/** There and back. */
function handOver(scenario: MirrorScenario, parts: Parts, chance: Prng): void {
  const { universe } = scenario;
  const isUnderWay = isCopying(scenario, parts);
  moveTo(scenario, parts.next);
  if (isUnderWay) universe.count('hand-overs in the middle of a copy');
  writeEverywhere(scenario);
  universe.runUntil(universe.nowMs + chance.between(0, SERVED_FOR_MS));
  if (chance.chance(DEATH_CHANCE)) scenario.primary?.host.process.crash();
  moveTo(scenario, parts.source);
}

/** The primary goes there, or, where that one is not in the set just now, to another. */
function moveTo(scenario: MirrorScenario, { name }: SimNode): void {
  const { arbiter } = scenario;
  const { term } = arbiter.register;
  const isMoved = (): boolean => arbiter.register.term > term && scenario.primary !== undefined;
  arbiter.preferred = name;
  arbiter.switchRequested = true;
  awaitThat(scenario, `somebody is promoted instead, ${name} if possible`, PROMOTION_MS, isMoved);
}

function isCopying(scenario: MirrorScenario, { source, target }: Parts): boolean {
  const peers = scenario.statusOf(source.name)?.peers ?? [];
  return peers.some(({ node, replication }) => node === target.name && replication === 'SyncSource');
}

/** A link between two machines, on every path. */
function slowDown(
  { equipment, universe }: MirrorScenario,
  x: SimNode,
  y: SimNode,
  chance: Prng,
): (() => void)[] {
  const { network } = universe;
  const latencyMs = chance.between(...SLOW_MS);
  const paths = equipment.paths === 0 ? [''] : Array.from({ length: equipment.paths }, (_, i) => `${i + 1}`);
  return paths
    .flatMap((path) => [network.linkBetween(x, y, path), network.linkBetween(y, x, path)])
    .map((link) => changeLink(link, { latencyMs: [latencyMs / 2, latencyMs] }));
}

/** Clients are slow, and copies of what they have written short: this reaches all of it at once. */
function writeEverywhere({ history, primary, shape, universe }: MirrorScenario): void {
  const device = primary?.volume.device;
  if (primary === undefined || device === undefined) return;
  const { host, node } = primary;
  for (const firstSector of shape.places) {
    const end = shape.ends.find((sector) => sector > firstSector) ?? device.sizeBytes / SECTOR_BYTES;
    const sectorCount = Math.min(WRITTEN_SECTORS, end - firstSector);
    const what = { kind: 'write', firstSector, sectorCount, durable: false, term: device.term } as const;
    const write = history.begin({ ...what, node: node.name }, universe.nowMs);
    const data = stampedSectors(write.id, firstSector, sectorCount);
    host.process.enter(() =>
      device.write(firstSector * SECTOR_BYTES, data, false, (error) => {
        if (error === undefined) history.acknowledge(write, universe.nowMs);
      }),
    );
  }
}
