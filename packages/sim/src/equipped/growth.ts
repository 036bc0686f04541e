/** A volume that grows while it is in use, and what the growth must not do: show room that some member of the set does not have. */
import { assert, EterneError } from '@eterne/base';
import { openMetadata } from '@eterne/disk/metadata/index.ts';
import type { MirrorVolume } from '@eterne/disk/engine/api.ts';
import { VOLUME } from '../mirror/equipment.ts';
import type { MirrorScenario } from '../mirror/scenario.ts';
import { SECTOR_BYTES } from '../world/page.ts';
import type { SimNode } from '../world/node.ts';
import type { Prng } from '../world/prng.ts';

const BLOCK_BYTES = 4096;
/** Metadata behind the data is in the way of the first of these, and of many later ones. */
const STEP_BLOCKS = { external: [1, 256], internal: [256, 768] } as const;
/** In all; enough for many steps. */
const GROWTH_BYTES_MAX = { external: 6 * 1024 * 1024, internal: 24 * 1024 * 1024 } as const;
const NEW_PLACES = 3;
/** Nothing is heard of a growth whose primary dies. */
const MOVE_MS = 2_000;

export class Growth {
  readonly #scenario: MirrorScenario;
  readonly #chance: Prng;
  #shownBytes: number;
  /** Opened while they were smaller than what others had. */
  readonly #behind = new Set<string>();

  constructor(scenario: MirrorScenario, chance: Prng) {
    this.#scenario = scenario;
    this.#chance = chance;
    this.#shownBytes = scenario.sizeBytes;
  }

  /** By the operator's word. False: there is nobody to tell, or the volume is large enough. */
  begin(): boolean {
    const { equipment, primary, sizeBytes: atFirst, universe } = this.#scenario;
    const sizeBytes = primary?.volume.status().sizeBytes ?? 0;
    if (primary === undefined || sizeBytes - atFirst >= GROWTH_BYTES_MAX[equipment.metadata]) return false;
    const [least, most] = STEP_BLOCKS[equipment.metadata];
    const wanted = sizeBytes + this.#chance.whole(least, most) * BLOCK_BYTES;
    const startOf = (): number | undefined => this.#scenario.metadataStartOf(primary.node);
    const before = startOf();
    if (before !== undefined) this.#scenario.criticalUntilMs = universe.nowMs + MOVE_MS;
    primary.host.process.enter(() =>
      primary.volume.resize(wanted, (error) => {
        this.#scenario.criticalUntilMs = 0;
        universe.count(error === undefined ? 'growths' : 'growths refused or cut short');
        if (startOf() !== before) universe.count('metadata behind the data moved');
        universe.trace.line('operator', `${wanted} bytes: ${error?.message ?? 'done'}`);
      }),
    );
    return true;
  }

  opened(node: SimNode): void {
    if (this.#sizeOf(node.name) < this.#largest()) this.#behind.add(node.name);
  }

  looked(node: SimNode, volume: MirrorVolume): void {
    if (this.#behind.has(node.name) && this.#sizeOf(node.name) >= this.#largest()) {
      this.#behind.delete(node.name);
      this.#scenario.universe.count('growths made up for at a meeting');
    }
    this.#shown(volume);
  }

  #sizeOf(node: string): number {
    return this.#scenario.statusOf(node)?.sizeBytes ?? 0;
  }

  #largest(): number {
    return Math.max(...this.#scenario.nodes.map(({ name }) => this.#sizeOf(name)));
  }

  #shown(volume: MirrorVolume): void {
    const { device } = volume;
    if (device === undefined) return;
    if (device.sizeBytes < this.#shownBytes && device.term === this.#scenario.arbiter.register.term)
      this.#scenario.universe.violate(
        'growth',
        `the volume shows ${device.sizeBytes} bytes in term ${device.term}, and has shown ${this.#shownBytes}`,
      );
    if (device.sizeBytes <= this.#shownBytes) return;
    const sectors = { from: this.#shownBytes / SECTOR_BYTES, to: device.sizeBytes / SECTOR_BYTES };
    this.#shownBytes = device.sizeBytes;
    this.#checkMembers(device.sizeBytes);
    for (let place = 0; place < NEW_PLACES; place += 1)
      this.#scenario.shape.places.push(this.#chance.whole(sectors.from, sectors.to - 1));
  }

  /** Written behind the old end the next moment: every member must be as large, whatever happens to it now. */
  #checkMembers(sizeBytes: number): void {
    for (const name of this.#scenario.truth.members) {
      const found = this.#durableSize(this.#scenario.nodeNamed(name));
      if (found < sizeBytes)
        this.#scenario.universe.violate(
          'growth',
          `the volume shows ${sizeBytes} bytes, but ${name}, a member of the set, has ${found} for certain`,
        );
    }
  }

  #durableSize(node: SimNode): number {
    const { layout, nodes, sizeBytes } = this.#scenario;
    const store = this.#scenario.metadataOf(node).durable();
    if (store instanceof EterneError) return 0;
    let found: number | undefined;
    openMetadata(
      {
        store,
        random: this.#chance,
        volume: VOLUME,
        node: node.name,
        sizeBytes,
        peers: nodes.filter((other) => other !== node).map(({ name }) => name),
        ...(layout.setLayout === undefined ? {} : { setLayout: layout.setLayout }),
      },
      (opened) => (found = opened instanceof EterneError ? 0 : opened.sizeBytes),
    );
    assert(found !== undefined, 'a store in memory answers at once');
    return found;
  }
}
