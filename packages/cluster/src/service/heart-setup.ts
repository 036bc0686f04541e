/** What the agreed state tells this node's heart. */
import { isQuiet } from '../heart/quiet.ts';
import type { HeartSetup } from '../heart/setup.ts';
import { atNode, sortedValues } from '../state/model.ts';
import { LIVES_LEVEL, SLOT_RHYTHM_LEVEL } from '../state/levels.ts';
import type { Service } from './service.ts';
import { ownMember, type View } from './view.ts';

/** Undefined before the state knows any member, and where another machine has this node's name by now. */
export function heartSetup(view: Pick<View, 'life' | 'self' | 'state'>): HeartSetup | undefined {
  const { self, state } = view;
  const { members, heartSlots, config, level } = state;
  const isAnothers = members[self] !== undefined && ownMember(view) === undefined;
  if (Object.keys(members).length === 0 || isAnothers) return undefined;
  return {
    profile: config.profile,
    rhythmOnDisks: level >= SLOT_RHYTHM_LEVEL,
    quiet: isQuiet(state),
    members: sortedValues(members).map(({ name, role, addresses, voterId }) => ({
      node: name,
      role,
      addresses,
      slot: heartSlots[name] ?? null,
      life: level < LIVES_LEVEL ? null : voterId,
    })),
    disks: config.heartbeatDisks.flatMap(({ device, id }) => {
      const path = atNode(device, self);
      return path === undefined ? [] : [{ id, device: path }];
    }),
  };
}

/** Tells `heart` on every change of a state that is current: with an older one it would go back to where members were. */
export function tellHeart(service: Service, tell: (setup: HeartSetup) => void): void {
  let told = '';
  service.onState(() => {
    if (!service.view.caughtUp) return;
    const setup = heartSetup(service.view);
    const now = JSON.stringify(setup);
    if (setup === undefined || now === told) return;
    told = now;
    tell(setup);
  });
}
