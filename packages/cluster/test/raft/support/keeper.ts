/** Keeps the log's members as `VoterKeeper` does, on virtual time: every 200 ms the leader takes the next step towards `wanted`. */
import { nextMemberChange } from '../../../src/node/voters.ts';
import type { Member, MemberChange } from '../../../src/raft/members.ts';
import { prepareTie } from '../../../src/raft/tie/tie-driver.ts';
import { isTie, proofTieId, soloTieId, tieId, type TieKind } from '../../../src/raft/tie/tie-id.ts';
import { NO_TIE_SEEN } from '../../../src/raft/tie/tie-transport.ts';
import { emptyState } from '../../../src/state/apply.ts';
import { LEVELS } from '../../../src/state/levels.ts';
import type { ClusterState, Member as StateMember } from '../../../src/state/model.ts';
import type { VirtualCluster } from './virtual-cluster.ts';

const LOOK_INTERVAL_MS = 200;
const LIFE = 'life';

export class Keeper {
  /** Who is in the state. */
  wanted: readonly string[];
  level = LEVELS.program;
  /** Every change that was begun, in order: `succeed n3`. */
  readonly begun: string[] = [];
  readonly #cluster: VirtualCluster;
  readonly #kind: TieKind;
  #ties = 1;

  constructor(cluster: VirtualCluster, kind: TieKind, wanted: readonly string[]) {
    this.#cluster = cluster;
    this.#kind = kind;
    this.wanted = wanted;
    this.#look();
  }

  #look(): void {
    const { time } = this.#cluster;
    time.at(time.nowMs + LOOK_INTERVAL_MS, () => this.#look());
    for (const leader of this.#cluster.leaders()) this.#lookAs(leader);
  }

  #lookAs(leader: string): void {
    const log = this.#cluster.logOf(leader);
    log.readBarrier((error) => {
      if (error || !log.leadership().isLeader) return;
      const members = log.status().members.map(asNamedInState);
      const { transport } = this.#cluster.machine(leader);
      const held = transport?.tie?.held;
      const { silenced, barred, isSilent } = transport?.seen ?? NO_TIE_SEEN;
      const seen = {
        silenced: silenced && inState(silenced),
        barred: new Set([...barred].map(inState)),
        isSilent,
        self: inState(leader),
        heard: new Set([...log.heard()].map((id) => (isTie(id) ? id : inState(id)))),
      };
      const heard = this.#heardBy(leader);
      // Who goes on alone counts the other as not there, also when the heart hears it again.
      if (held && this.#kind === 'solo') heard.delete(held.peer);
      const next = nextMemberChange(this.#state(), members, heard, seen);
      if (next === undefined) return;
      if (next.kind === 'hand-over') {
        next.to.find((id) => log.transferLeadership(asNamedHere(id)) === undefined);
        return;
      }
      if ('id' in next) return this.#change(leader, { ...next, id: asNamedHere(next.id) });
      return this.#make(leader);
    });
  }

  #change(leader: string, change: MemberChange): void {
    const { log } = this.#cluster.machine(leader);
    log?.changeMember(change, (error) => {
      if (!error) this.begun.push(`${change.kind} ${isTie(change.id) ? 'tie' : change.id}`);
    });
  }

  #make(leader: string): void {
    this.#ties += 1;
    if (this.#kind !== 'disk') {
      const idOf = this.#kind === 'solo' ? soloTieId : proofTieId;
      return this.#change(leader, { kind: 'add-learner', id: idOf(`${this.#ties}`) });
    }
    const id = tieId(`${this.#ties}`);
    const always = { isAlive: () => true, stoppedUntilMs: () => 0 };
    return prepareTie(this.#cluster.shared.port(leader, always), '', id, ['n1', 'n2'], (error) => {
      if (!error && this.#cluster.machine(leader).log) this.#change(leader, { kind: 'add-learner', id });
    });
  }

  #state(): ClusterState {
    const state = emptyState();
    const members = this.wanted.map((name) => [name, { name, voterId: LIFE, role: 'node' } as StateMember]);
    const { config } = state;
    const tieBreaker =
      this.#kind === 'disk' ? ({ kind: 'disk', device: '/shared', ping: [] } as const) : config.tieBreaker;
    const prefer = this.#kind === 'solo' ? 'availability' : config.prefer;
    return {
      ...state,
      level: this.level,
      config: { ...config, tieBreaker, prefer },
      members: Object.fromEntries(members) as ClusterState['members'],
    };
  }

  /** By its heart, to which nobody speaks, and which speaks to nobody, that is no member. */
  #heardBy(leader: string): Set<string> {
    const { machines, cut, time } = this.#cluster;
    const isMember = (id: string): boolean => this.wanted.includes(id);
    const isHeard = (id: string): boolean => {
      if (id !== leader && !(isMember(id) && isMember(leader))) return false;
      const { log, stoppedUntilMs } = this.#cluster.machine(id);
      return log !== undefined && stoppedUntilMs <= time.nowMs && !cut.has(`${id}>${leader}`);
    };
    return new Set([...machines.keys()].filter(isHeard));
  }
}

const inState = (id: string): string => `${id}#${LIFE}`;

const asNamedInState = (member: Member): Member =>
  isTie(member.id) ? member : { ...member, id: inState(member.id) };

const asNamedHere = (id: string): string => (isTie(id) ? id : id.replace(`#${LIFE}`, ''));
