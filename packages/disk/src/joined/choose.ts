/**
 * Which device of a joined volume goes on, from what lies on those that are there. Pure.
 *
 * 1. What a device outside the committed set holds counts for nothing, however it looks.
 * 2. A member of the set that is not there may have gone on without the others, under another host: only the operator's word (`force`) goes on
 *    without it, and then under a new grantor, so that the two are known for a split brain when they meet.
 * 3. Under one grantor the newest (term, set version) is the committed one. Devices of several grantors were parted by such a word: one
 *    goes on whose generations have passed all others'.
 */
import { EterneError } from '@eterne/base';
import type { Standing } from '../engine/api.ts';
import { NIL_UUID } from '../metadata/index.ts';
import { hasPassed } from '../metadata/relation.ts';

export interface LegStanding extends Standing {
  readonly name: string;
}

export interface Choice {
  readonly leg: string;
  /** Higher than whatever any of the devices has seen. */
  readonly term: number;
  readonly setVersion: number;
  /** Undefined: a new one. */
  readonly grantor: string | undefined;
}

export interface ChoiceParts {
  /** In order of preference among equals. */
  readonly present: readonly LegStanding[];
  readonly force: boolean;
  /** Whoever grants the term knows that nothing was ever written, and every device is there. */
  readonly isFirst?: boolean;
  /** With `force`: the one that is to go on. */
  readonly only?: string | undefined;
}

export function chooseLeg({ present, force, isFirst, only }: ChoiceParts): Choice | EterneError {
  if (force && only !== undefined) return chooseNamed(present, only);
  const [first] = present;
  if (first === undefined) return refused('no device can be opened');
  const written = present.filter((leg) => !isNew(leg));
  if (written.length === 0)
    return force || isFirst === true
      ? choice(first, present, undefined)
      : refused('its devices are new and empty', FORCE_HINT);
  const [newest, ...others] = written.toSorted(byCommit);
  if (newest === undefined) return refused('no device has content');
  const isOneLog = others.every(({ term }) => term.grantor === newest.term.grantor);
  if (!isOneLog) return chooseAmongParted(written, present, force);
  const { members } = newest.set;
  const whole = written.filter(isWhole).toSorted(byCommit);
  const leader = whole.find(({ name }) => members.includes(name));
  const [latest] = whole;
  if (leader === undefined && force && latest !== undefined) return choice(latest, present, undefined);
  if (leader === undefined)
    return refused(`its newest copy is on ${members.join(', ')}, and not there`, FORCE_HINT);
  const missing = members.filter((member) => !written.some(({ name }) => name === member));
  if (missing.length === 0) return choice(leader, present, newest.term.grantor);
  if (force) return choice(leader, present, undefined);
  return refused(`${missing.join(', ')} is not there and may hold newer data`, FORCE_HINT);
}

/** Where it takes no word nothing is given up. Else as if the others were not there: what they turn out to have that it has not is a split brain. */
function chooseNamed(present: readonly LegStanding[], only: string): Choice | EterneError {
  const choiceWithout = chooseLeg({ present, force: false });
  if (!(choiceWithout instanceof EterneError)) return choiceWithout;
  const leg = present.find(({ name }) => name === only);
  if (leg === undefined) return refused(`${only}, which is to go on, is not there`);
  if (isNew(leg) || !isWhole(leg)) return refused(`${only}, which is to go on, has no whole copy`);
  return choice(leg, present, undefined);
}

function chooseAmongParted(
  written: readonly LegStanding[],
  present: readonly LegStanding[],
  force: boolean,
): Choice | EterneError {
  const whole = written.filter(isWhole).toSorted(byCommit);
  const ahead = whole.find((leg) => whole.every((other) => other === leg || isAhead(leg, other)));
  if (ahead !== undefined) return choice(ahead, present, ahead.term.grantor);
  const [latest] = whole;
  if (latest === undefined) return refused('none of its devices is consistent');
  if (force) return choice(latest, present, latest.term.grantor);
  return refused('its devices were written apart: a split brain', {
    hint: `promote --force goes on with ${latest.name}, and leaves the others as they are until \`resolve\``,
  });
}

/** Has `leg` everything that `other` has? */
function isAhead({ generations: mine }: LegStanding, { generations: theirs }: LegStanding): boolean {
  if (mine.current === theirs.current) return true;
  return hasPassed(mine, theirs.current) && !hasPassed(theirs, mine.current);
}

function choice(leader: LegStanding, present: readonly LegStanding[], grantor: string | undefined): Choice {
  return {
    leg: leader.name,
    term: 1 + Math.max(...present.map(({ term }) => term.number)),
    setVersion: 1 + Math.max(...present.map(({ set }) => set.version)),
    grantor,
  };
}

function isNew({ generations, justCreated }: LegStanding): boolean {
  return justCreated || generations.current === NIL_UUID;
}

function isWhole({ diskState }: LegStanding): boolean {
  return diskState !== 'Inconsistent';
}

/** The later commit first. Stable. */
function byCommit(a: LegStanding, b: LegStanding): number {
  return b.term.number - a.term.number || b.set.version - a.set.version;
}

const FORCE_HINT = { hint: 'promote --force, if what is there is the copy to go on with' };

function refused(message: string, options: { readonly hint?: string } = {}): EterneError {
  return new EterneError('refused', message, options);
}
