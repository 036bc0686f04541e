import type { Link } from './network.ts';

/** All of a link but whether it is cut, which is for `SimNetwork.setLink` to say. */
export type LinkChange = Partial<Omit<Link, 'up'>>;

interface Changed {
  readonly before: Link;
  /** Oldest first. */
  readonly changes: Set<LinkChange>;
}

const CHANGED = new WeakMap<Link, Changed>();

/** Changes a link until the returned function is called. Changes overlap: each lasts until its own end, and the newest one counts. */
export function changeLink(link: Link, change: LinkChange): () => void {
  const changed = CHANGED.get(link) ?? { before: { ...link }, changes: new Set() };
  CHANGED.set(link, changed);
  changed.changes.add(change);
  Object.assign(link, change);
  return () => {
    changed.changes.delete(change);
    Object.assign(link, changed.before, ...changed.changes, { up: link.up });
  };
}
