/** While a leader of the log says that it is the only one, nobody else leads (Invariant 4: leases rest on it). */
import type { LogLeadership } from '@eterne/cluster/ports.ts';
import type { Universe } from '../world/universe.ts';

/** Boot clocks run at different speeds; what is claimed by one of them is believed for this share of the time. */
const BELIEVED = 0.9;

interface Claim {
  readonly node: string;
  readonly untilMs: number;
}

export class AuthorityChecker {
  private readonly universe: Universe;
  /** By term. */
  private readonly claims = new Map<number, Claim>();

  constructor(universe: Universe) {
    this.universe = universe;
  }

  /** `bootMs`: by the clock of `node`, now. Call often. */
  saw(node: string, { isLeader, raftTerm, authorityUntilBootMs }: LogLeadership, bootMs: number): void {
    if (!isLeader) return;
    const { nowMs } = this.universe;
    for (const [term, { node: other, untilMs }] of this.claims) {
      if (nowMs >= untilMs) this.claims.delete(term);
      else if (term < raftTerm && other !== node)
        this.universe.violate(
          'authority',
          `${node} leads term ${raftTerm}, and ${other} leads term ${term} alone until ${Math.round(untilMs)}`,
        );
    }
    const untilMs = nowMs + BELIEVED * (authorityUntilBootMs - bootMs);
    const known = this.claims.get(raftTerm)?.untilMs ?? Number.NEGATIVE_INFINITY;
    this.claims.set(raftTerm, { node, untilMs: Math.max(untilMs, known) });
  }
}
