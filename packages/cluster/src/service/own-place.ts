import type { MemberPlace } from '../state/model.ts';
import type { Service } from './service.ts';
import { ownMember } from './view.ts';

/** Tells where this node is by the agreed state, whenever that is another place than before; only of a state that is current. */
export function followPlace(service: Service, moved: (place: MemberPlace) => void): () => void {
  let told: MemberPlace | undefined;
  return service.onState(() => {
    const member = ownMember(service.view);
    if (!service.view.caughtUp || member === undefined) return;
    if (told?.addresses === member.addresses && told.api === member.api) return;
    told = { addresses: member.addresses, api: member.api };
    moved(told);
  });
}
