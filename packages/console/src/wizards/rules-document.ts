/** What a group asks of others: from the answers to its entry in the document, and what could never be met. Pure. */
import type { Configuration, GroupEntry } from './configuration.ts';

export type Company = 'any' | 'with' | 'apart';

/** Of one other group. */
export interface RuleAnswer {
  readonly company: Company;
  /** Started only while that one is online. */
  readonly after: boolean;
}

/** By the other group. */
export type RuleAnswers = Readonly<Record<string, RuleAnswer>>;

const NONE: RuleAnswer = { company: 'any', after: false };

export const groupsOf = ({ groups }: Configuration): readonly GroupEntry[] => groups ?? [];

export function answersOf({ with: near = [], apart = [], after = [] }: GroupEntry): RuleAnswers {
  const others = new Set([...near, ...apart, ...after]);
  return Object.fromEntries(
    [...others].map((other) => {
      const company = near.includes(other) ? 'with' : apart.includes(other) ? 'apart' : 'any';
      return [other, { company, after: after.includes(other) }];
    }),
  );
}

export function answerTo(answers: RuleAnswers, other: string): RuleAnswer {
  return answers[other] ?? NONE;
}

/** What is not asked for stays as it is. */
export function rulesDocument(
  group: GroupEntry,
  answers: RuleAnswers,
): { readonly groups: readonly [GroupEntry] } {
  return { groups: [withRules(group, answers)] };
}

function withRules(group: GroupEntry, answers: RuleAnswers): GroupEntry {
  const those = (wanted: (answer: RuleAnswer) => boolean): readonly string[] =>
    Object.keys(answers).filter((other) => wanted(answerTo(answers, other)));
  return {
    ...group,
    with: those(({ company }) => company === 'with'),
    apart: those(({ company }) => company === 'apart'),
    after: those(({ after }) => after),
  };
}

export type RuleProblem = 'circle' | 'noNode' | 'torn' | 'oneNode';

/** Of what is asked of `other`; as the cluster's own rules, but for demands, which it judges when it plans. */
export function ruleProblem(
  groups: readonly GroupEntry[],
  group: GroupEntry,
  answers: RuleAnswers,
  other: string,
): RuleProblem | null {
  const { after, company } = answerTo(answers, other);
  if (company === 'any' && !after) return null;
  if (leadsTo(groups, other, group.name)) return 'circle';
  const wanted = groups.map((one) => (one.name === group.name ? withRules(group, answers) : one));
  const partners = partnersOf(wanted, group.name);
  const names = partners.map(({ name }) => name);
  if (company === 'with') {
    if (commonNodes(partners).length === 0) return 'noNode';
    return partners.some(({ apart = [] }) => apart.some((name) => names.includes(name))) ? 'torn' : null;
  }
  if (company === 'apart') {
    if (names.includes(other)) return 'torn';
    const [mine, theirs] = [commonNodes(partners), commonNodes(partnersOf(wanted, other))];
    return mine.length === 1 && theirs.length === 1 && mine[0] === theirs[0] ? 'oneNode' : null;
  }
  return null;
}

/** Whether `from` adapts to `name` already, itself or through others. */
export function leadsTo(groups: readonly GroupEntry[], from: string, name: string): boolean {
  const seen = new Set([from]);
  for (const one of seen) {
    const { with: near = [], apart = [], after = [] } = groups.find((entry) => entry.name === one) ?? {};
    for (const other of [...near, ...apart, ...after]) seen.add(other);
  }
  return seen.has(name);
}

/** The group and all that it runs with, directly or through others. */
function partnersOf(groups: readonly GroupEntry[], name: string): readonly GroupEntry[] {
  const found = new Set([name]);
  for (const one of found)
    for (const other of groups.find((entry) => entry.name === one)?.with ?? []) found.add(other);
  return groups.filter((entry) => found.has(entry.name));
}

function commonNodes([first, ...others]: readonly GroupEntry[]): readonly string[] {
  return first?.nodes.filter((node) => others.every(({ nodes }) => nodes.includes(node))) ?? [];
}
