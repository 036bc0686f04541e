/**
 * Faults at the moments that matter to who counts: whoever leads has begun a change of the log's members, and nobody else has it yet; or somebody who does not
 * count has begun to listen. Then the leader is parted from others, often with whoever comes at its side, and perhaps loses its power while they are. What is decided on one side
 * then by counting wrongly the other side does not know. In half of the seeds.
 */
import type { MemberChange, MemberRole, Members as LogMembers } from '@eterne/cluster/raft/members.ts';
import type { MemberId } from '@eterne/cluster/raft/types.ts';
import { part } from '../world/parting.ts';
import type { Prng } from '../world/prng.ts';
import type { Universe } from '../world/universe.ts';
import type { Machine } from './machine.ts';

const SEEDS = 0.5;
/** How often each moment is used: one that comes seldom nearly always. */
const STRIKES = {
  'add-learner': 0.05,
  promote: 0.3,
  succeed: 0.8,
  /** Nobody comes meanwhile. */
  remove: 0.3,
  /** The tie-breaker's successor is to vote, or somebody who listens is to be next. */
  exchange: 0.9,
  listens: 0.5,
} as const;
/** Nothing of the change has left the leader; some of it has. */
const AFTER_MS: readonly (readonly [number, readonly [number, number]])[] = [
  [3, [0, 0]],
  [1, [0, 5]],
  [1, [5, 300]],
];
/** The others elect within one to two seconds. */
const LASTING_MS = [1_200, 5_000] as const;
const WITH_NEWCOMER = 0.85;
const WITH_ANOTHER = 0.15;
const FALLS = 0.3;
const FALLS_AFTER_MS = [1, 600] as const;

export class Ambush {
  private readonly universe: Universe;
  private readonly machines: readonly Machine[];
  private readonly chance: Prng;
  readonly isLaid: boolean;
  private isOver = false;
  private isSprung = false;

  /** `machines` may grow. */
  constructor(universe: Universe, machines: readonly Machine[]) {
    this.universe = universe;
    this.machines = machines;
    this.chance = universe.prng('aimed faults');
    this.isLaid = this.chance.chance(SEEDS);
  }

  end(): void {
    this.isOver = true;
  }

  /** `before`: as the log of `leader` had them until now. */
  begun(change: MemberChange, leader: Machine, before: LogMembers): void {
    const { kind, id } = change;
    // A leader refuses what it cannot do yet.
    if (roleOf(id, leader.log?.members() ?? []) === roleOf(id, before)) return;
    const coming = before.flatMap((member) => (member.role === 'voter' || member.id === id ? [] : member.id));
    if (kind !== 'remove') this.at(kind, leader, [...coming, id]);
    else this.at(coming.length > 0 ? 'exchange' : kind, leader, coming);
  }

  /** Somebody has got his first entry of the log. */
  listens(newcomer: Machine, leader: Machine): void {
    this.at('listens', leader, [newcomer.member]);
  }

  private at(moment: keyof typeof STRIKES, leader: Machine, newcomers: readonly MemberId[]): void {
    const { chance } = this;
    if (!this.isLaid || this.isOver || this.isSprung || !chance.chance(STRIKES[moment])) return;
    this.isSprung = true;
    const comes = ({ member }: Machine): boolean => newcomers.includes(member);
    const near = this.machines.filter(
      (machine) => machine === leader || chance.chance(comes(machine) ? WITH_NEWCOMER : WITH_ANOTHER),
    );
    const far = this.machines.filter((machine) => !near.includes(machine));
    this.universe.scheduler.after(chance.between(...chance.weighted(AFTER_MS)), () => this.strike(near, far));
    if (chance.chance(FALLS)) this.fall(leader);
  }

  private strike(near: readonly Machine[], far: readonly Machine[]): void {
    const { network, scheduler, trace } = this.universe;
    const nodes = (machines: readonly Machine[]) => machines.map(({ node }) => node);
    trace.line('FAULT', `${namesOf(near)} and ${namesOf(far)} do not hear each other`);
    const heal = part(network, nodes(near), nodes(far));
    scheduler.after(this.chance.between(...LASTING_MS), () => {
      trace.line('FAULT', `${namesOf(near)} and ${namesOf(far)} hear each other`);
      heal();
      this.isSprung = false;
    });
  }

  private fall(leader: Machine): void {
    const { scheduler, trace } = this.universe;
    scheduler.after(this.chance.between(...FALLS_AFTER_MS), () => {
      trace.line('FAULT', `${leader.node.name} loses its power`);
      leader.node.powerOff();
      scheduler.after(this.chance.between(...LASTING_MS), () => {
        leader.node.powerOn();
        leader.keepAlive();
      });
    });
  }
}

function roleOf(id: MemberId, members: LogMembers): MemberRole | undefined {
  return members.find((member) => member.id === id)?.role;
}

function namesOf(machines: readonly Machine[]): string {
  return machines.map(({ node }) => node.name).join();
}
