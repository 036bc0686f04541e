/** Bringing a group home (FEATURES F19): only one that was driven away, only in its window, only to a node that has settled. */
import type { GroupState } from '../../state/model.ts';
import type { LeaderView } from './decide.ts';
import { reasonToLeave } from './footing.ts';
import { place } from './placement.ts';

export function failbackMove(
  leader: LeaderView,
  group: GroupState,
  owner: string,
): { readonly to: string; readonly reason: string } | undefined {
  const preferred = group.spec.nodes[0];
  const { view } = leader;
  if (!group.spec.failback.enabled || !group.displaced || preferred === undefined || preferred === owner)
    return undefined;
  const heardSince = leader.heardSinceBootMs.get(preferred);
  if (heardSince === undefined || view.now.bootMs - heardSince < view.timing.failbackSettleMs)
    return undefined;
  if (!inWindow(group.spec.failback.window, view.now.wallMs, view.state.config.timezone)) return undefined;
  if (reasonToLeave(view.state, group, preferred) !== undefined) return undefined;
  if (place(view.state, group, leader, owner).chosen !== preferred) return undefined;
  return { to: preferred, reason: `${preferred} is its preferred node and back` };
}

/** `window`: `HH:MM-HH:MM`, the end excluded, may wrap midnight; null: always. */
export function inWindow(window: string | null, wallMs: number, timezone: string): boolean {
  if (window === null) return true;
  const [from = '', to = ''] = window.split('-');
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(wallMs);
  return from <= to ? clock >= from && clock < to : clock >= from || clock < to;
}
