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
        subject: z.enum(['cluster', 'node', 'volume', 'group']),
        name: z.string(),
        sentence: z.string(),
      }),
    )
    .readonly(),
}) satisfies z.ZodType<ConfigPlan>;

export const moveOrder = z
  .strictObject({ to: name.exactOptional().describe('absent: the best other node') })
  .nullish();

export const acceptLossOrder = z.strictObject({
  node: name.describe('whose copy goes on; of a volume with devices, which one'),
});

export const groupExplanation = z.object({
  group: z.string(),
  owner: z.string().nullable(),
  chosen: z.string().nullable(),
  sentences: z.array(z.string()).readonly(),
  candidates: z.array(z.object({ node: z.string(), eligible: z.boolean(), reason: z.string() })).readonly(),
}) satisfies z.ZodType<GroupExplanation>;

const names = z
  .string()
  .regex(/^[a-zA-Z0-9._-]{1,63}(,[a-zA-Z0-9._-]{1,63}){0,63}$/, 'is not a list of names');

/** Exactly one of them. */
export const simulationQuery = z.union([
  z.strictObject({ fail: names.describe('these nodes stop: a,b') }),
  z.strictObject({ return: names.describe('these nodes come back') }),
  z.strictObject({
    partition: z
      .string()
      .max(4096)
      .describe('sides that no longer hear each other: a,b/c; members not named make one more'),
  }),
]);

export const failureSimulation = z.object({
  node: z.string(),
  quorate: z.boolean(),
  sides: z.array(z.object({ nodes: z.array(z.string()).readonly(), quorate: z.boolean() })).readonly(),
  moves: z
    .array(
      z.object({
        group: z.string(),
        kind: z.enum(['take-over', 'move', 'start', 'stay']),
        from: z.string().nullable(),
        to: z.string().nullable(),
        reason: z.string(),
        expectedOutageMs: z.number().nullable(),
        when: z.string().nullable(),
      }),
    )
    .readonly(),
  sentences: z.array(z.string()).readonly(),
}) satisfies z.ZodType<FailureSimulation>;

export const confirmStoppedOrder = z
  .strictObject({
    acceptLoss: z.boolean().default(false).describe('in a pair: go on alone even if the other may know more'),
  })
  .nullish();

export const removalQuery = z.strictObject({
  confirmStopped: z
    .enum(['true', 'false'])
    .default('false')
    .describe('in a pair of which one node goes on alone: your word that the other is off, and stays off'),
});

export const fenceReport = z.object({
  node: z.string(),
  tookMs: z.number(),
}) satisfies z.ZodType<FenceReport>;

export const drillResult = z.object({
  group: z.string(),
  from: z.string(),
  to: z.string(),
  outageMs: z.number(),
  writes: z.object({ acknowledged: z.int(), lost: z.int() }).nullable(),
  sentence: z.string(),
}) satisfies z.ZodType<DrillResult>;

export const migrateLogOrder = z.strictObject({ to: z.enum(['embedded', 'etcd']) });
