import type { MirrorVolume } from '@eterne/disk/engine/api.ts';
import type { SimDisk } from '../world/disk.ts';
import type { PageMap } from '../world/page-map.ts';
import type { Universe } from '../world/universe.ts';

/** What the engine says when a copy that was cut short has been undone. */
const UNDONE = 'roll-back: it is as before the copy';

/** And when it is opened with a journal that has failed before. */
const UNKEPT = 'that the rescue journal did not keep';

/** And without one that cannot be opened. */
const WITHOUT = 'the volume is open without its rescue journal';

/** And when one that had failed is well again while the replica runs. */
const BACK = 'its rescue journal is in use again';

/** What a replica held when a point of its rescue journal began. */
interface Point {
  readonly id: number;
  readonly content: PageMap;
  /** The power failed since: blocks that no flush had covered may be older. */
  isDoubtful: boolean;
}

/**
 * B2, by looking at the disks: what a copy is about to overwrite is remembered here too, and must be what a roll-back restores and what an image
 * shows. A point is noticed before the first block after it changes.
 */
export class RescueWatch {
  /** Something could not be kept (blocks that cannot be read, a journal that fails), and a point says so. */
  hasSaidSo = false;
  private readonly universe: Universe;
  private readonly volumeOf: (node: string) => MirrorVolume | undefined;
  private readonly points = new Map<string, Point[]>();
  /** By node: the point of the copy that is under way or was cut short. */
  private readonly copying = new Map<string, number | undefined>();
  /** Nodes whose volume said that it is open without its journal, and shows no point of it since. */
  private readonly without = new Set<string>();

  private readonly begun: (node: string) => void;

  /** `begun`: a point of the node's journal has begun. */
  constructor(
    universe: Universe,
    volumeOf: (node: string) => MirrorVolume | undefined,
    begun: (node: string) => void,
  ) {
    this.universe = universe;
    this.volumeOf = volumeOf;
    this.begun = begun;
  }

  /** A block of the node's replica is about to change, or may soon. */
  look(node: string, data: SimDisk): void {
    const points = this.volumeOf(node)?.rescue?.points ?? [];
    if (points.length > 0) this.without.delete(node);
    this.copying.set(node, points.find(({ state }) => state === 'copying')?.id);
    for (const { id } of points) {
      if (this.find(node, id) !== undefined) continue;
      const known = this.points.get(node) ?? [];
      this.points.set(node, [...known, { id, content: data.copy(), isDoubtful: false }]);
      this.begun(node);
    }
  }

  /** What the node's journal kept can be had no more until its disk is back. */
  isWithout(node: string): boolean {
    return this.without.has(node);
  }

  /** A copy into the node's replica is under way, or was cut short, and what it overwrites is kept. */
  isSettingAside(node: string): boolean {
    return this.copying.get(node) !== undefined;
  }

  lostPower(node: string): void {
    for (const point of this.points.get(node) ?? []) point.isDoubtful = true;
  }

  heard(node: string, message: string, data: SimDisk): void {
    if (message.includes(UNKEPT)) this.universe.count('journals that have failed');
    if (message.includes(BACK)) this.universe.count('journals taken up again');
    if (message.includes(WITHOUT)) {
      this.universe.count('volumes open without their journal');
      this.without.add(node);
    }
    if (!message.includes(UNDONE)) return this.look(node, data);
    this.universe.count('copies rolled back');
    const id = this.copying.get(node);
    if (id !== undefined) this.compare(node, id, data.copy(), 'the roll-back');
  }

  checkImage(node: string, id: number, image: PageMap): void {
    this.compare(node, id, image, 'the image');
  }

  private compare(node: string, id: number, found: PageMap, what: string): void {
    const point = this.find(node, id);
    if (point === undefined || point.isDoubtful) return;
    this.universe.count(`${what} compared`);
    const [offset] = found.differingFrom(point.content);
    if (offset !== undefined)
      this.universe.violate(
        'rescue',
        `${what} of point ${id} of ${node} differs at ${offset} from what there was`,
      );
  }

  private find(node: string, id: number): Point | undefined {
    return this.points.get(node)?.find((point) => point.id === id);
  }
}
