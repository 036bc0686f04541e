/** Requests and answers of the verbs: configuration, placement, simulation, drill. */
import { z } from 'zod';
import type {
  ConfigPlan,
  DrillResult,
  FailureSimulation,
  FenceReport,
  GroupExplanation,
} from '../../service/facade.ts';
import { name } from './names.ts';

/** Parsed YAML or JSON. The cluster's own strict schema judges it and names the offending key. */
export const configDocument = z.record(z.string(), z.unknown());

export const configPlan = z.object({
  steps: z
    .array(
      z.object({
        action: z.enum(['create', 'change', 'delete']),
        subject: z.enum(['cluster', 'volume', 'group']),
        name: z.string(),
        sentence: z.string(),
      }),
    )
    .readonly(),
}) satisfies z.ZodType<ConfigPlan>;

export const moveOrder = z
  .strictObject({ to: name.exactOptional().describe('absent: the best other node') })
  .nullish();

export const acceptLossOrder = z.strictObject({ node: name.describe('whose copy goes on') });

export const groupExplanation = z.object({
  group: z.string(),
  owner: z.string().nullable(),
  chosen: z.string().nullable(),
  sentences: z.array(z.string()).readonly(),
  candidates: z.array(z.object({ node: z.string(), eligible: z.boolean(), reason: z.string() })).readonly(),
}) satisfies z.ZodType<GroupExplanation>;

export const simulationQuery = z.strictObject({ fail: name });

export const failureSimulation = z.object({
  node: z.string(),
  quorate: z.boolean(),
  moves: z
    .array(
      z.object({
        group: z.string(),
        from: z.string(),
        to: z.string().nullable(),
        reason: z.string(),
        expectedOutageMs: z.number().nullable(),
      }),
    )
    .readonly(),
  sentences: z.array(z.string()).readonly(),
}) satisfies z.ZodType<FailureSimulation>;

export const fenceReport = z.object({
  node: z.string(),
  tookMs: z.number(),
}) satisfies z.ZodType<FenceReport>;

export const drillResult = z.object({
  group: z.string(),
  from: z.string(),
  to: z.string(),
  outageMs: z.number(),
}) satisfies z.ZodType<DrillResult>;
