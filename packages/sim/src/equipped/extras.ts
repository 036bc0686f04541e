import type { MirrorVolume } from '@eterne/disk/engine/api.ts';
import { stampedSectors } from '../checkers/stamp.ts';
import type { Fault } from '../faults/plan.ts';
import type { Extras } from '../mirror/extras.ts';
import type { MirrorScenario } from '../mirror/scenario.ts';
import { PAGE_BYTES, SECTOR_BYTES } from '../world/page.ts';
import type { SimNode } from '../world/node.ts';
import { PageMap } from '../world/page-map.ts';
import type { Prng } from '../world/prng.ts';
import { equippedFaults } from './faults.ts';
import { Growth } from './growth.ts';
import { Rot } from './rot.ts';
import { busyTrials, idleTrials, laterTrials } from './trials/trials.ts';

/** What a disk holds that was used for something else. */
const JUNK = 0xe7;
const ADOPTED_SECTORS = 16;

export class EquippedExtras implements Extras {
  readonly faults: Readonly<Record<string, Fault>>;
  private readonly scenario: MirrorScenario;
  private readonly chance: Prng;
  private readonly rot: Rot;
  private readonly growth: Growth;
  private readonly hasChecksums: boolean;
  private readonly remapped = new Map<SimNode, number>();

  constructor(scenario: MirrorScenario) {
    this.scenario = scenario;
    this.chance = scenario.universe.prng('extras');
    this.rot = new Rot(scenario);
    this.growth = new Growth(scenario, scenario.universe.prng('growth'));
    this.hasChecksums = scenario.equipment.checksums !== 'none';
    this.faults = equippedFaults({ scenario, rot: this.rot, growth: this.growth });
  }

  prepare(): void {
    const { equipment, nodes } = this.scenario;
    const first = equipment.isAdopted ? this.chance.pick(nodes) : undefined;
    for (const node of nodes) this.fillDisks(node, equipment.isAdopted && node !== first);
    if (first !== undefined) this.adopt(first);
  }

  opened(node: SimNode): void {
    this.growth.opened(node);
    if (this.hasChecksums) this.rot.opened(node);
  }

  looked(node: SimNode, volume: MirrorVolume): void {
    this.growth.looked(node, volume);
    const { disk, sizeBytes, checksumErrors = 0, remappedSectors } = volume.status();
    this.countRemapped(node, remappedSectors);
    if (!this.hasChecksums) return;
    this.rot.looked(node, sizeBytes, checksumErrors);
    if (disk === 'Failed' || disk === 'Diskless') this.rot.forget(node);
  }

  landed(node: SimNode, offset: number, lengthBytes: number): void {
    if (this.hasChecksums) this.rot.landed(node, offset, lengthBytes);
  }

  refused(node: SimNode, offset: number, lengthBytes: number): void {
    if (this.hasChecksums) this.rot.refused(node, offset, lengthBytes);
  }

  beforeDisksChange(node: SimNode): void {
    this.rot.mend();
    this.rot.forget(node);
  }

  tryOut(): void {
    this.scenario.arbiter.preferred = undefined;
    this.each(busyTrials(this.scenario));
    this.each(laterTrials(this.scenario), this.scenario.universe.prng('later trials'));
  }

  tryOutIdle(): void {
    this.each(idleTrials(this.scenario, this.rot));
  }

  private countRemapped(node: SimNode, blocks: number): void {
    if (blocks <= (this.remapped.get(node) ?? 0)) return;
    this.remapped.set(node, blocks);
    this.scenario.universe.count('blocks remapped');
  }

  /** Two of them, so that a seed does not take much longer. */
  private each(
    trials: readonly (readonly [name: string, run: (chance: Prng) => void])[],
    chance = this.chance,
  ): void {
    const { universe } = this.scenario;
    const left = [...trials];
    for (let count = 0; count < 2 && left.length > 0 && universe.violation === undefined; count += 1) {
      const [trial] = left.splice(chance.below(left.length), 1);
      if (trial === undefined) return;
      const [name, run] = trial;
      universe.trace.line('TRIAL', name);
      universe.count(`trial: ${name}`);
      run(chance);
    }
  }

  /** What lies behind the volume, and, where somebody else's data is to be copied to, in its place. */
  private fillDisks(node: SimNode, isUsed: boolean): void {
    const { equipment, layout, sizeBytes } = this.scenario;
    const junk = Buffer.alloc(PAGE_BYTES, JUNK);
    for (const [index, disk] of this.scenario.dataDisksOf(node).entries()) {
      const { members } = layout;
      const isLast = index === layout.paths.length - 1;
      const ownBytes = members?.[index]?.sizeBytes ?? sizeBytes;
      const spareBytes = isLast ? equipment.spareBytes : 0;
      if (spareBytes === 0 && !isUsed) continue;
      const pages = new PageMap();
      for (let at = ownBytes; at < ownBytes + spareBytes; at += PAGE_BYTES) pages.write(at, junk);
      if (isUsed)
        for (let at = 0; at < ownBytes; at += PAGE_BYTES * this.chance.whole(1, 100)) pages.write(at, junk);
      disk.load(pages, ownBytes + spareBytes);
    }
  }

  /** The first primary's disk is in use already, and what is on it must stay: to the checkers, writes of somebody before all. */
  private adopt(node: SimNode): void {
    const { arbiter, history, shape } = this.scenario;
    const data = this.scenario.dataDisksOf(node)[0];
    if (data === undefined) return;
    const pages = new PageMap();
    const end = (shape.ends[0] ?? this.scenario.sizeBytes / SECTOR_BYTES) - ADOPTED_SECTORS;
    for (const place of shape.places.filter((sector) => sector <= end)) {
      const what = { kind: 'write', firstSector: place, sectorCount: ADOPTED_SECTORS } as const;
      const write = history.begin({ ...what, term: 0, node: node.name, durable: true }, 0);
      pages.write(place * SECTOR_BYTES, stampedSectors(write.id, place, ADOPTED_SECTORS));
      history.acknowledge(write, 0);
    }
    const ownBytes = this.scenario.layout.members?.[0]?.sizeBytes ?? this.scenario.sizeBytes;
    if (data.sizeBytes > ownBytes)
      for (const at of data.pageOffsets()) pages.write(at, data.page(at / SECTOR_BYTES).bytes);
    data.load(pages, Math.max(ownBytes, data.sizeBytes));
    arbiter.preferred = node.name;
  }
}
