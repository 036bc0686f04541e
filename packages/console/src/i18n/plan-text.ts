/** Steps of a plan carry an English sentence; where it has none in Chinese, the headline is made anew from what the step acts on. */
import type { ConfigPlan } from '../api/types.ts';
import type { Language } from './languages.ts';
import { knownText } from './said/said-text.ts';

type PlanStep = ConfigPlan['steps'][number];

const ACTION: Readonly<Record<PlanStep['action'], string>> = {
  create: '新建',
  change: '更改',
  delete: '删除',
};
const SUBJECT: Readonly<Record<PlanStep['subject'], string>> = {
  cluster: '群集',
  node: '节点',
  volume: '镜像卷',
  group: '资源组',
};

/** `detail`: the original sentence, when the headline is a translation that may say less. */
export function planText(
  step: PlanStep,
  language: Language,
): { readonly headline: string; readonly detail: string | null } {
  if (language === 'en') return { headline: step.sentence, detail: null };
  const known = knownText(step.sentence);
  if (known !== undefined) return { headline: known, detail: null };
  return { headline: `${ACTION[step.action]}${SUBJECT[step.subject]} ${step.name}`, detail: step.sentence };
}
