/**
 * What groups stand on beside their own resources, what can be wrong with it, and what is to be done then. Plain data, part of the state; which
 * trouble concerns which group is said in `service/leader/footing.ts`, what is looked at in `monitor/watch/`.
 */

/**
 * `link`: a network interface of an address has no carrier, is off or gone. `address`: one of the node's own addresses is on no interface.
 * `disk`: a disk that only one node can use at a time cannot be read. `replica`: the node's copy of a mirrored volume cannot be used.
 * `readOnly`, `full`: of a mounted file system, of the node's own folder, or of the one that holds a replica. `memory`: of the whole node.
 */
export const TROUBLE_KINDS = ['link', 'address', 'disk', 'replica', 'readOnly', 'full', 'memory'] as const;
export type TroubleKind = (typeof TROUBLE_KINDS)[number];

/** `warn`: shown, and told to the timeline. `move`: groups leave for a node that is without such trouble, and go there only when there is no other. */
export type WatchPolicy = 'ignore' | 'warn' | 'move';

export type WatchPolicies = Readonly<Record<TroubleKind, WatchPolicy>>;

export interface WatchSettings {
  readonly policies: WatchPolicies;
  /** A file system is full when more than this of it is used. */
  readonly fullPercent: number;
  /** Memory is short when less than this of it is available. */
  readonly memoryPercent: number;
}

/**
 * Moved for what ends a service on this node and may be well on another. A mirrored volume is served from its peer when its disk fails, a
 * full file system is as full on the next node, and short memory may be short everywhere: for those a person is told.
 */
export const USUAL_WATCH: WatchSettings = {
  policies: {
    link: 'move',
    address: 'warn',
    disk: 'move',
    replica: 'warn',
    readOnly: 'move',
    full: 'warn',
    memory: 'warn',
  },
  fullPercent: 95,
  memoryPercent: 5,
};

/** Something that a node stands on and that is not well. */
export interface Trouble {
  readonly kind: TroubleKind;
  /** The interface, address, device or directory; empty for the whole node. Unique within its kind. */
  readonly subject: string;
  /** Half a sentence after the node's name and a colon. It does not change while the trouble lasts, unless its nature does. */
  readonly detail: string;
}

/** The most that a node tells of; the rest is not worse. */
export const TROUBLES_MAX = 64;
