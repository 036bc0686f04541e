/**
 * Feature levels: what lets programs of different age run one cluster.
 *
 * A program has the highest level that it understands (`LEVELS.program`) and tells it when its node joins and at each start. The cluster has the
 * level that everybody keeps to (`ClusterState.level`); the leader raises it by an entry once every member has told a higher one, and it never falls.
 * Below the level of an addition nobody proposes or writes it: what an operator wants of it is refused with `needs-upgrade`, and entries and snapshots
 * have the form that an older program reads. What an *existing* entry does is changed the same way, by asking `state.level`.
 *
 * Changelog:
 * 1 — the first.
 * 2 — groups that wait for a node that was stopped in order; what runs of a group elsewhere than at its owner is found and stopped.
 * 3 — profile `wan`: heartbeats, log files, tie-breakers and beats in etcd that name a hold, a rhythm or a take-over time.
 * 4 — addresses of members, and of their APIs, that change while they run; slots of heartbeat disks that say whose rhythm their writer keeps; one node of a pair that goes on
 *     alone by silence (prefer: availability); a third voter that takes the place of a pair's tie-breaker in the log's members; groups that wait for a
 *     node that is rebooted, and move away from one that is switched off; volumes with parts.
 * 5 — mirrors and heartbeats that tell a member from whoever had its name before; volumes on devices that several nodes reach.
 */
import { isDeepStrictEqual } from 'node:util';
import { assert, EterneError } from '@eterne/base';
import type { Command } from './commands.ts';
import { holdersOf, parsePath, withHolders, type Holder, type Path } from './level-paths.ts';
import { sortedValues, type ClusterState } from './model.ts';

export const FIRST_LEVEL = 1;

/** What came after the first level. Paths begin with the kind of an entry, or with `state`. */
export interface Addition {
  readonly level: number;
  /** What a person has by it, as the beginning of a sentence. */
  readonly feature: string;
  readonly entries?: readonly Command['kind'][];
  readonly fields?: readonly NewField[];
  readonly values?: readonly NewValue[];
}

export interface NewField {
  readonly path: string;
  /** What the program does without the field: absent and this are the same. Undefined: it is absent, usually. */
  readonly usual: unknown;
}

/** A field that is older takes one more value. */
export interface NewValue {
  readonly path: string;
  readonly value: unknown;
}

/** From this level on. */
export const STRAYS_LEVEL = 2;
/** The word is older: programs of before took it in a snapshot, and went on as in `lan`. */
export const WAN_LEVEL = 3;
/** Likewise: `prefer: availability` was a word without effect. */
export const AVAILABILITY_LEVEL = 4;

/** Addresses that change. */
export const PLACES_LEVEL = 4;
/** Slots of heartbeat disks say a rhythm. */
export const SLOT_RHYTHM_LEVEL = 4;
/** What follows when a node is stopped depends on whether it comes back. */
export const CONDITIONAL_LEVEL = 4;
/** Volumes are made of several disks. */
export const PARTS_LEVEL = 4;
/** Members of the log have a further role (raft/members.ts). */
export const SUCCESSOR_LEVEL = 4;

/** Mirrors and heartbeats say which member they are of. */
export const LIVES_LEVEL = 5;
/** Devices that several nodes reach. */
export const JOINED_LEVEL = 5;

/** Only ever appended to. What is named here is listed in `test/state/levels/` too, which a test demands. */
export const ADDITIONS: readonly Addition[] = [
  {
    level: 2,
    feature: 'Groups that wait for a node that is stopped (onShutdown: freeze)',
    fields: [
      { path: 'configure.changes.*=cluster.config.onShutdown', usual: 'move' },
      { path: 'state.config.onShutdown', usual: 'move' },
      { path: 'state.groups.*.move.waits', usual: undefined },
    ],
  },
  {
    level: STRAYS_LEVEL,
    feature: 'Finding what runs of a group on a node that does not own it',
    entries: ['group-strays'],
    fields: [{ path: 'state.groups.*.strays', usual: [] }],
  },
  {
    level: WAN_LEVEL,
    feature: 'Profile wan',
    entries: ['profile-settled'],
    fields: [{ path: 'state.settling', usual: null }],
  },
  {
    level: PLACES_LEVEL,
    feature: 'Changing the addresses of a node',
    fields: [{ path: 'configure.changes.*=node-put.place', usual: undefined }],
  },
  {
    level: AVAILABILITY_LEVEL,
    feature: 'A pair of which either node goes on alone (prefer: availability)',
    entries: ['alone', 'parted', 'whole'],
    fields: [
      { path: 'state.grantor', usual: null },
      { path: 'state.alone', usual: null },
      { path: 'configure.changes.*=cluster.config.ping', usual: [] },
      { path: 'state.config.ping', usual: [] },
      { path: 'volume-promote.seenTerm', usual: 0 },
    ],
  },
  {
    level: CONDITIONAL_LEVEL,
    feature: 'Groups that wait for a node that comes back (onShutdown: conditional)',
    fields: [
      { path: 'node-leaving.comesBack', usual: undefined },
      { path: 'state.members.*.comesBack', usual: undefined },
    ],
    values: [
      { path: 'configure.changes.*=cluster.config.onShutdown', value: 'conditional' },
      { path: 'state.config.onShutdown', value: 'conditional' },
    ],
  },
  {
    level: PARTS_LEVEL,
    feature: 'Volumes with parts, which share one order of writes',
    fields: [
      { path: 'configure.changes.*=volume-put.spec.parts', usual: [] },
      { path: 'configure.changes.*=volume-put.spec.replicas.*.behind', usual: undefined },
      { path: 'state.volumes.*.spec.parts', usual: [] },
      { path: 'state.volumes.*.spec.replicas.*.behind', usual: undefined },
      { path: 'volume-order.*=rescue-export.part', usual: undefined },
    ],
  },
  {
    level: LIVES_LEVEL,
    feature: 'Telling a member from whoever had its name before',
    fields: [
      { path: 'volume-set.lives', usual: undefined },
      { path: 'volume-promote.lives', usual: undefined },
    ],
  },
  {
    level: JOINED_LEVEL,
    feature: 'Volumes on devices that several nodes reach (devices)',
    fields: [
      { path: 'configure.changes.*=volume-put.spec.joined', usual: undefined },
      { path: 'state.volumes.*.spec.joined', usual: undefined },
      { path: 'state.volumes.*.goesOnWith', usual: undefined },
    ],
  },
];

interface Field {
  readonly path: Path;
  readonly name: string;
  readonly usual: unknown;
}

/** The levels that a program knows. Another than `LEVELS` is for tests: a program of another age. */
export class Levels {
  /** The highest. */
  readonly program: number;
  readonly #additions: readonly Addition[];
  /** They are asked for with every entry. */
  readonly #known = new Map<string, readonly Field[]>();

  /** `program`: a lower one is of a program that comes before some of the additions. */
  constructor(additions: readonly Addition[], program = highestOf(additions)) {
    this.#additions = additions;
    this.program = program;
  }

  /** The lowest level at which every member understands the entry. */
  levelOf(command: Command): number {
    return Math.max(FIRST_LEVEL, ...this.#usedBy(command).map(({ level }) => level));
  }

  /** Why nobody may propose the entry yet; undefined: one may. */
  refusal(state: ClusterState, command: Command): EterneError | undefined {
    const early = this.#usedBy(command).find(({ level }) => level > state.level);
    if (early === undefined) return undefined;
    const older = olderThan(state, early.level);
    const runs = older.length === 1 ? 'runs' : 'run';
    const whose =
      older.length === 0
        ? 'they all do, and the cluster is about to use it'
        : `${older.join(', ')} ${runs} an older one`;
    return new EterneError(
      'needs-upgrade',
      `${early.feature}: available once every node runs a program of feature level ${early.level}; ${whose}`,
      { hint: older.length === 0 ? 'try again in a moment' : `upgrade ${older.join(', ')}` },
    );
  }

  /** As a program of `level` writes and reads it. */
  entryAsOf(command: Command, level: number): object {
    return this.#without(command, level, command.kind) as object;
  }

  /** Likewise; nothing is lost, as nothing newer was accepted. */
  stateAsOf(state: ClusterState, level: number): object {
    return this.#without(state, level, 'state') as object;
  }

  /** An entry, or a state, that was written below the level of some fields. */
  completed(body: unknown, of: string): unknown {
    let whole = body;
    for (const { path, name, usual } of this.#fields(FIRST_LEVEL, of))
      whole = withHolders(whole, path, (holder) =>
        usual === undefined || Object.hasOwn(holder, name) ? holder : { ...holder, [name]: usual },
      );
    return whole;
  }

  #usedBy(command: Command): readonly Addition[] {
    return this.#additions.filter(
      ({ entries = [], fields = [], values = [] }) =>
        entries.includes(command.kind) ||
        fields.some(({ path, usual }) =>
          found(command, command.kind, path).some((value) => !isDeepStrictEqual(value, usual)),
        ) ||
        values.some(({ path, value }) =>
          found(command, command.kind, path).some((present) => isDeepStrictEqual(present, value)),
        ),
    );
  }

  #without(whole: unknown, level: number, of: string): unknown {
    let rest = whole;
    for (const { path, name, usual } of this.#fields(level, of))
      rest = withHolders(rest, path, (holder) => {
        if (!Object.hasOwn(holder, name)) return holder;
        assert(isDeepStrictEqual(holder[name], usual), `${name} is not used below its feature level`);
        const { [name]: _, ...older } = holder;
        return older;
      });
    return rest;
  }

  /** Fields of levels above `level`. */
  #fields(level: number, of: string): readonly Field[] {
    const name = `${of} ${level}`;
    const fields = this.#known.get(name) ?? this.#fieldsAbove(level, of);
    this.#known.set(name, fields);
    return fields;
  }

  #fieldsAbove(level: number, of: string): readonly Field[] {
    return this.#additions
      .filter((addition) => addition.level > level)
      .flatMap(({ fields = [] }) => fields)
      .map(({ path, usual }) => ({ steps: parsePath(path), usual }))
      .filter(({ steps: [first] }) => first === of)
      .map(({ steps: [, ...path], usual }) => ({ path, name: path.at(-1) ?? '', usual }));
  }
}

function highestOf(additions: readonly Addition[]): number {
  return Math.max(FIRST_LEVEL, ...additions.map(({ level }) => level));
}

export const LEVELS = new Levels(ADDITIONS);

/** The highest level that every member's program knows. One that is lost counts: it may come back as it was. */
export function commonLevel({ members }: Pick<ClusterState, 'members'>): number {
  return Math.min(...Object.values(members).map(({ level }) => level));
}

/** Members whose programs do not know `level`. */
export function olderThan({ members }: Pick<ClusterState, 'members'>, level: number): readonly string[] {
  return sortedValues(members)
    .filter((member) => member.level < level)
    .map(({ name }) => name);
}

/** Of this node: the cluster is at `level`, or has what only a newer program can have written. */
export function tooOld(what: string): EterneError {
  return new EterneError('needs-upgrade', `the program of this node is too old for its cluster: ${what}`, {
    hint: 'upgrade it and start the node again; nothing of its data was changed',
  });
}

function found(command: Command, of: string, path: string): readonly unknown[] {
  const [first, ...steps] = parsePath(path);
  const name = steps.at(-1) ?? '';
  if (first !== of) return [];
  return holdersOf(command, steps)
    .filter((holder: Holder) => Object.hasOwn(holder, name))
    .map((holder) => holder[name]);
}
