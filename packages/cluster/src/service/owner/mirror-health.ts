/** Is a mirror resource that this node started still what it was? */
import type { View } from '../view.ts';

export interface PromotedMirror {
  readonly volume: string;
  readonly termNumber: number;
  readonly sinceBootMs: number;
  /** The disk process has been seen serving this term; before that its status may simply be late. */
  readonly seen: boolean;
}

export type MirrorHealth =
  { readonly kind: 'well'; readonly seen: boolean } | { readonly kind: 'gone'; readonly reason: string };

export function mirrorHealth(view: View, mirror: PromotedMirror): MirrorHealth {
  if (!view.disk.connected) return { kind: 'gone', reason: 'the disk process has gone' };
  const local = view.disk.volumes?.get(mirror.volume);
  if (local?.role === 'primary' && local.term === mirror.termNumber) return { kind: 'well', seen: true };
  const late = !mirror.seen && view.now.bootMs - mirror.sinceBootMs < view.timing.promotionShowMs;
  if (late) return { kind: 'well', seen: false };
  const why = local?.freezeReason ?? 'its term has ended';
  return { kind: 'gone', reason: `volume ${mirror.volume} is not served here any more: ${why}` };
}

/** After a restart of the service: does the disk process serve the term that the log gives to this node? Undefined: not known yet. */
export function servesAgreedTerm(view: View, volume: string): boolean | undefined {
  if (!view.disk.connected || !view.disk.volumes) return undefined;
  const agreed = view.state.volumes[volume];
  const local = view.disk.volumes.get(volume);
  if (!agreed || !local) return undefined;
  return local.role === 'primary' && agreed.primary === view.self && local.term === agreed.term.number;
}

/** Nobody is served from here: the disk process says so, or the launcher says that there is no disk process. */
export function provenSecondary(view: View, volume: string): boolean {
  if (view.disk.volumes) return view.disk.volumes.get(volume)?.role !== 'primary';
  return view.pids?.disk === null;
}
