/**
 * Looks on this node for groups that it does not own, and stops what it finds: what an operator or the machine's own boot has started, what was left behind.
 *
 *   looking ─ as known ──► resting ─ due ──► looking
 *      │ another                ▲
 *      └──► telling ─ known ─ nothing there ┘
 *                       └ something ──► stopping ──► looking
 *
 * 1. Only resources that can be told from what other nodes run are looked for (`Agent.find`), and only those that need nothing of an earlier one.
 * 2. Nothing is stopped before the log has it on record, and is not this node's own: then nobody is given the group until the record is
 *    taken back.
 * 3. One group at a time; at a node's start, when a group has left it, and every `LOOK_INTERVAL_MS`.
 */
import { isDeepStrictEqual } from 'node:util';
import { canBeFound } from '../monitor/agents/registry.ts';
import type { ResourceSpec } from '../ports.ts';
import { heldBy } from '../state/held.ts';
import { STRAYS_LEVEL } from '../state/levels.ts';
import type { ClusterState, GroupState } from '../state/model.ts';
import { sortedValues } from '../state/model.ts';
import { replaceReferences } from '../state/references.ts';
import type { Completion, EffectId, Outbox } from './effects.ts';
import type { View } from './view.ts';

const LOOK_INTERVAL_MS = 30_000;
/** After a stop that failed. */
const AGAIN_MS = 5000;
const FIND_TIMEOUT_MS = 10_000;

interface Work {
  readonly kind: 'looking' | 'telling' | 'stopping';
  readonly group: string;
  readonly id: EffectId;
  /** To be looked for in starting order, or to be stopped in its reverse; the first is under way. */
  readonly left: readonly ResourceSpec[];
  readonly found: readonly ResourceSpec[];
  /** Something could not be told. */
  readonly unsure: boolean;
  /** Why the stop before this look failed; empty: it did not; undefined: there was none. */
  readonly stopped: string | undefined;
}

type Finding = Omit<Work, 'kind' | 'id'>;

export class StrayDuty {
  /** Group → when it is looked for again. */
  readonly #dueBootMs = new Map<string, number>();
  #work: Work | undefined;
  /** Nothing is due as long as all of this is so. */
  #resting:
    { readonly state: ClusterState; readonly runners: number; readonly untilBootMs: number } | undefined;

  /** `runners`: groups that this node is still at. */
  step(view: View, outbox: Outbox, runners: Pick<ReadonlyMap<string, unknown>, 'has' | 'size'>): void {
    const member = view.state.members[view.self];
    if (member?.role !== 'node' || member.startId !== view.startId) return;
    if (view.state.level < STRAYS_LEVEL) return;
    if (this.#rests(view, runners.size)) return;
    const groups = sortedValues(view.state.groups).filter((group) => mayLook(view, group, runners));
    for (const name of this.#dueBootMs.keys())
      if (!groups.some(({ spec }) => spec.name === name)) this.#dueBootMs.delete(name);
    if (this.#work !== undefined) return;
    const due = groups.find(
      ({ spec }) => (this.#dueBootMs.get(spec.name) ?? Number.NEGATIVE_INFINITY) <= view.now.bootMs,
    );
    if (due === undefined) {
      const untilBootMs = Math.min(...this.#dueBootMs.values(), Number.POSITIVE_INFINITY);
      this.#resting = { state: view.state, runners: runners.size, untilBootMs };
      return;
    }
    this.#resting = undefined;
    const nothing = { group: due.spec.name, left: [], found: [], unsure: false, stopped: undefined };
    const left = findable(due);
    if (left.length === 0) this.#conclude(view, outbox, nothing, due);
    else this.#look(outbox, { ...nothing, left });
  }

  #rests({ state, now }: View, runners: number): boolean {
    const resting = this.#resting;
    return resting?.state === state && resting.runners === runners && now.bootMs < resting.untilBootMs;
  }

  done(view: View, outbox: Outbox, id: EffectId, completion: Completion): void {
    const work = this.#work;
    if (work?.id !== id) return;
    this.#work = undefined;
    const group = view.state.groups[work.group];
    if (!group || group.owner === view.self) return;
    if (completion.of === 'find') this.#looked(view, outbox, work, group, completion.isHere);
    else if (completion.of === 'append') this.#told(view, outbox, work, group);
    else if (completion.of === 'action')
      this.#stopped(view, outbox, work, group, completion.result.ok ? '' : completion.result.reason);
  }

  #look(outbox: Outbox, work: Finding): void {
    const [resource] = work.left;
    if (resource === undefined) return;
    const id = outbox.send({ kind: 'monitor-find', resource, timeoutMs: FIND_TIMEOUT_MS });
    this.#work = { ...work, kind: 'looking', id };
  }

  #looked(view: View, outbox: Outbox, work: Work, group: GroupState, isHere: boolean | undefined): void {
    const [resource, ...left] = work.left;
    const found = isHere === true && resource !== undefined ? [...work.found, resource] : work.found;
    const next = { ...work, left, found, unsure: work.unsure || isHere === undefined };
    if (left.length > 0) return this.#look(outbox, next);
    this.#conclude(view, outbox, next, group);
  }

  /** A record of what is none of the group's any more, as it is configured now, is taken back too. */
  #conclude(view: View, outbox: Outbox, work: Finding, group: GroupState): void {
    const { found } = work;
    if (work.unsure && found.length === 0) return this.#rest(view, work.group, AGAIN_MS);
    const known = group.strays.find(({ node }) => node === view.self);
    const resources = found.map(({ name }) => name).toSorted();
    const failure = found.length === 0 ? '' : failureAfter(work.stopped, known?.failure ?? '');
    if (isDeepStrictEqual([resources, failure], [known?.resources ?? [], known?.failure ?? '']))
      return this.#goOn(view, outbox, work);
    const { self: node, startId, now } = view;
    const command = { kind: 'group-strays', group: work.group, node, startId, resources, failure } as const;
    const id = outbox.send({ kind: 'append', command: { ...command, atMs: now.wallMs } });
    this.#work = { ...work, kind: 'telling', id };
  }

  /** Duty 2: what counts is what the log says now, not what was answered. */
  #told(view: View, outbox: Outbox, work: Work, group: GroupState): void {
    const isKnown = group.strays.some(({ node }) => node === view.self);
    if (isKnown || work.found.length === 0) this.#goOn(view, outbox, work);
    else this.#rest(view, work.group, AGAIN_MS);
  }

  #goOn(view: View, outbox: Outbox, work: Finding): void {
    if (work.found.length === 0) return this.#rest(view, work.group, LOOK_INTERVAL_MS);
    if (work.stopped !== undefined) return this.#rest(view, work.group, AGAIN_MS);
    this.#stop(view, outbox, { ...work, left: work.found.toReversed() });
  }

  #stop(view: View, outbox: Outbox, work: Finding): void {
    const [resource] = work.left;
    if (resource === undefined) return;
    const definition = view.state.groups[work.group]?.spec.resources.find(
      ({ name }) => name === resource.name,
    );
    const timeoutMs = definition?.stopTimeoutMs ?? FIND_TIMEOUT_MS;
    const id = outbox.send({ kind: 'monitor-stop', resource, timeoutMs });
    this.#work = { ...work, kind: 'stopping', id };
  }

  /** When all are stopped, or one is not, another look tells what is left. */
  #stopped(view: View, outbox: Outbox, work: Work, group: GroupState, failure: string): void {
    const left = work.left.slice(1);
    if (failure === '' && left.length > 0) return this.#stop(view, outbox, { ...work, left });
    const again = { left: findable(group), found: [], unsure: false };
    if (again.left.length > 0) this.#look(outbox, { ...work, ...again, stopped: failure });
  }

  #rest(view: View, group: string, forMs: number): void {
    this.#dueBootMs.set(group, view.now.bootMs + forMs);
  }
}

function failureAfter(stopped: string | undefined, known: string): string {
  return stopped === '' ? 'it is still there after it was stopped' : (stopped ?? known);
}

function mayLook(view: View, group: GroupState, runners: Pick<ReadonlyMap<string, unknown>, 'has'>): boolean {
  const { spec, owner, strays } = group;
  const concerns = spec.nodes.includes(view.self) || strays.some(({ node }) => node === view.self);
  return (
    concerns && owner !== view.self && !runners.has(spec.name) && heldBy(view.state, group) === undefined
  );
}

/** Duty 1. In starting order. */
function findable({ spec }: GroupState): readonly ResourceSpec[] {
  return spec.resources.flatMap(({ name, type, params: written }) => {
    const { params, missing } = replaceReferences(written, new Map());
    return missing.length === 0 && canBeFound(type, params) ? [{ group: spec.name, name, type, params }] : [];
  });
}
