/**
 * Whoever runs two servers without a cluster: looks at both now and then, promotes when nobody is primary, moves the primary on request, ends
 * split brains. A careful one never forces anything; a hasty one forces the side that he reaches, also while the other still serves.
 */
import type { EterneError } from '@eterne/base';
import type { MirrorVolume, VolumeStatus } from '@eterne/disk/engine/api.ts';
import { NIL_UUID } from '@eterne/disk/metadata/index.ts';
import { BORROWED, NOT_BORROWED } from '../run/tally.ts';
import type { Prng } from '../world/prng.ts';
import type { Universe } from '../world/universe.ts';
import type { StandaloneHost } from './host.ts';

const LOOK_MS = [200, 1_500] as const;
/** Nobody promotes before the old primary has had this time to come back, and to notice that it is alone. */
const PATIENCE_MS = 3_000;
const HASTE_MS = 1_000;
/** So often, at a look, a hasty one forces a secondary that has lost its primary. */
const FORCE_CHANCE = 0.15;
const RESOLVE_CHANCE = 0.3;
/** So often, at a look, one who does not wait for copies has the target of one serve. */
const BORROW_CHANCE = 0.5;
/** And so often has he a copy made anew. */
const INVALIDATE_CHANCE = 0.1;

interface Site {
  readonly name: string;
  readonly host: StandaloneHost;
  readonly volume: MirrorVolume;
  readonly status: VolumeStatus;
}

export class Operator {
  readonly isHasty: boolean;
  /** Promotions by force after the first. */
  forced = 0;
  resolved = 0;
  switchRequested = false;
  /** Lets what there is show, and touches nothing. */
  isWatching = false;
  private readonly universe: Universe;
  private readonly chance: Prng;
  private readonly hosts: () => ReadonlyMap<string, StandaloneHost>;
  /** Who was given the right to be the data's source. */
  private begun: Site | undefined;
  private orphanedSinceMs: number | undefined;
  /** Of one who does not wait for copies. */
  private impatience: Prng | undefined;

  /** `impatience`: he promotes replicas while they are copied to. Without rescue journals he is careful otherwise. */
  constructor(
    universe: Universe,
    hosts: () => ReadonlyMap<string, StandaloneHost>,
    { impatience, hasJournals }: { readonly impatience: Prng | undefined; readonly hasJournals: boolean },
  ) {
    this.universe = universe;
    this.hosts = hosts;
    this.impatience = impatience;
    this.chance = universe.prng('operator');
    this.isHasty = this.chance.chance(0.6) && hasJournals;
  }

  /** From now on he waits for the end of copies. */
  calmDown(): void {
    this.impatience = undefined;
  }

  start(): void {
    this.universe.scheduler.after(this.chance.between(...LOOK_MS), () => {
      if (!this.isWatching) this.look();
      this.start();
    });
  }

  private look(): void {
    const sites = this.sites();
    if (this.begun?.host.process.alive === false && this.areAllNew(sites)) this.begun = undefined;
    if (this.begun === undefined) return this.begin(sites);
    const parted = sites.filter(({ status }) => status.peers.some(({ splitBrain }) => splitBrain));
    if (parted.length > 0) return this.endSplitBrain(parted);
    for (const { host, volume, status } of sites)
      for (const { node, connection } of status.peers)
        if (connection === 'StandAlone')
          this.order(host, `connect ${node}`, (done) => volume.connect(node, done));
    const primaries = sites.filter(({ status }) => status.role === 'primary');
    if (this.impatience !== undefined && this.hurry(this.impatience, sites, primaries[0])) return;
    if (primaries.length === 0) return this.replacePrimary(sites);
    this.orphanedSinceMs = undefined;
    if (this.isHasty && this.chance.chance(FORCE_CHANCE)) this.forceOrphan(sites);
    else if (this.switchRequested) this.demote(primaries[0]);
  }

  private sites(): Site[] {
    const sites: Site[] = [];
    for (const [name, host] of this.hosts()) {
      const { volume, status, process } = host;
      if (volume !== undefined && status !== undefined && !process.paused)
        sites.push({ name, host, volume, status });
    }
    return sites;
  }

  /** Both are new: one is given the right to be the data's source. */
  private begin(sites: readonly Site[]): void {
    const site = this.chance.pick(sites);
    if (site === undefined || sites.length < this.hosts().size) return;
    this.promote(site, true);
    this.begun = site;
  }

  /** The first promotion has left nothing durable anywhere. */
  private areAllNew(sites: readonly Site[]): boolean {
    const isNew = ({ status }: Site): boolean => status.term === 0 && status.generation.current === NIL_UUID;
    return sites.length === this.hosts().size && sites.every(isNew);
  }

  private endSplitBrain(parted: readonly Site[]): void {
    const site = this.chance.pick(parted);
    if (site === undefined || !this.chance.chance(RESOLVE_CHANCE)) return;
    const discard = this.chance.pick(['local', 'remote'] as const);
    this.resolved += 1;
    this.order(site.host, `resolve, discard ${discard}`, (done) =>
      site.volume.resolve(undefined, discard, done),
    );
  }

  private replacePrimary(sites: readonly Site[]): void {
    const { nowMs } = this.universe;
    this.orphanedSinceMs ??= nowMs;
    const waitedMs = nowMs - this.orphanedSinceMs;
    if (waitedMs < (this.switchRequested ? 0 : PATIENCE_MS)) return;
    const site = this.chance.pick(sites);
    if (site === undefined) return;
    const mayForce = this.isHasty && site.status.disk !== 'UpToDate' && isWhole(site);
    const force = mayForce && this.chance.chance(FORCE_CHANCE);
    this.switchRequested = false;
    this.promote(site, force);
  }

  /** True when there was something to hurry. */
  private hurry(chance: Prng, sites: readonly Site[], primary: Site | undefined): boolean {
    const other = sites.find((site) => site !== primary && site.status.role === 'secondary');
    const target = sites.find(
      ({ status }) =>
        status.role === 'secondary' && status.peers.some(({ replication }) => replication === 'SyncTarget'),
    );
    if (target !== undefined && chance.chance(BORROW_CHANCE)) {
      if (primary === undefined) this.borrow(target);
      else this.demote(primary, () => this.borrow(target));
      return true;
    }
    // Also where that must be refused: the other one may have what the primary lacks.
    if (primary === undefined || other === undefined || !chance.chance(INVALIDATE_CHANCE)) return false;
    this.order(other.host, `invalidate ${other.name}`, (done) => other.volume.invalidate(done));
    return true;
  }

  private borrow({ host, volume, name }: Site): void {
    this.order(host, `promote ${name} while it is copied to`, (done) =>
      volume.promote({ force: false, whileCopied: true }, (error) => {
        this.universe.count(error === undefined ? BORROWED : NOT_BORROWED);
        done(error);
      }),
    );
  }

  /** Its primary is cut off, or dead, or only slow: who knows. */
  private forceOrphan(sites: readonly Site[]): void {
    const orphan = sites.find(
      (site) =>
        site.status.role === 'secondary' &&
        isWhole(site) &&
        site.status.peers.every(({ connection }) => connection === 'Connecting'),
    );
    if (orphan === undefined) return;
    this.universe.scheduler.after(HASTE_MS, () => {
      if (orphan.host.status?.role === 'secondary' && !this.isWatching) this.promote(orphan, true);
    });
  }

  private promote({ host, volume, name }: Site, force: boolean): void {
    if (force && this.begun !== undefined) this.forced += 1;
    this.order(host, `promote ${name}${force ? ' by force' : ''}`, (done) => volume.promote({ force }, done));
  }

  private demote(primary: Site | undefined, then: () => void = () => undefined): void {
    if (primary === undefined) return;
    this.order(primary.host, `demote ${primary.name}`, (done) =>
      primary.volume.demote((error) => {
        done(error);
        if (error === undefined) then();
      }),
    );
  }

  private order(
    { process }: StandaloneHost,
    what: string,
    run: (done: (error: EterneError | undefined) => void) => void,
  ): void {
    const { trace } = this.universe;
    trace.line('operator', what);
    process.enter(() => run((error) => trace.line('operator', `${what}: ${error?.message ?? 'done'}`)));
  }
}

/** Nobody forces a half-copied replica, unless there is a way back to what it was. */
function isWhole({ status, volume }: Site): boolean {
  const isHalf = status.disk === 'Inconsistent';
  return !isHalf || (volume.rescue?.points ?? []).some(({ state, whole }) => state === 'copying' && whole);
}
