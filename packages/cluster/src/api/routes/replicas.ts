/** What the replicas of a volume tell of themselves: each node knows its own, and asks the others for theirs. */
import { EterneError } from '@eterne/base';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { type ApiContext, requesterOf } from '../context.ts';
import type { Api } from '../instance.ts';
import { nameParams } from '../schema/names.ts';
import {
  replicaParams,
  replicaReport,
  rescuePoints,
  splitBrains,
  volumeDetail,
  type VolumeDetail,
} from '../schema/volumes.ts';
import { errorOf, noSuch } from '../../state/outcome.ts';

const REPLICA = '/api/v1/volumes/:name/replicas/:node';
/** A node that does not answer must not hold up what the others tell. */
const REPORT_TIMEOUT_MS = 3_000;
/** Tools look at a whole file system, on both sides. */
const EXPLAIN_TIMEOUT_MS = 600_000;

export function replicaRoutes(api: Api, context: ApiContext): void {
  const { facade, neighbours } = context;
  api.get(
    '/api/v1/volumes/:name',
    {
      schema: {
        summary: 'What each replica of a volume tells of itself now: links, copies and verifies under way',
        params: nameParams,
        response: { 200: volumeDetail },
      },
      config: { access: 'viewer' },
    },
    async (request): Promise<VolumeDetail> => {
      const { name } = request.params;
      const volume = facade.state().volumes[name];
      if (!volume) throw errorOf(noSuch('volume', name, facade.state().volumes));
      const replicas = volume.spec.replicas.map(({ node }) => reportOf(context, request, name, node));
      return { name, replicas: await Promise.all(replicas) };
    },
  );
  api.get(
    REPLICA,
    {
      schema: {
        summary: 'What one replica tells of itself now',
        params: replicaParams,
        response: { 200: replicaReport },
      },
      config: { access: 'viewer' },
    },
    (request) => answerOf(request, replicaReport, REPORT_TIMEOUT_MS, (name) => facade.volumeReplica(name)),
  );
  api.get(
    `${REPLICA}/split-brain`,
    {
      schema: {
        summary: 'What each side of a split brain changed, and in which files',
        params: replicaParams,
        response: { 200: splitBrains },
      },
      config: { access: 'viewer' },
    },
    (request) =>
      answerOf(request, splitBrains, EXPLAIN_TIMEOUT_MS, async (name) => ({
        splitBrains: await facade.volumeSplitBrains(name),
      })),
  );
  api.get(
    `${REPLICA}/rescue`,
    {
      schema: {
        summary: 'What is kept of what was overwritten of a replica',
        params: replicaParams,
        response: { 200: rescuePoints },
      },
      config: { access: 'viewer' },
    },
    (request) =>
      answerOf(request, rescuePoints, REPORT_TIMEOUT_MS, async (name) => ({
        points: await facade.volumeRescuePoints(name),
      })),
  );

  /** Only the replica's own node knows. */
  function answerOf<T>(
    request: FastifyRequest<{ Params: z.output<typeof replicaParams> }>,
    answer: z.ZodType<T>,
    timeoutMs: number,
    own: (name: string) => Promise<T>,
  ): Promise<T> {
    const { name, node } = request.params;
    if (node === facade.node) return own(name);
    return neighbours.ask(
      node,
      { method: 'GET', path: request.url, timeoutMs },
      requesterOf(request),
      answer,
    );
  }
}

async function reportOf(
  { facade, neighbours }: ApiContext,
  request: FastifyRequest,
  name: string,
  node: string,
): Promise<VolumeDetail['replicas'][number]> {
  const path = `/api/v1/volumes/${encodeURIComponent(name)}/replicas/${encodeURIComponent(node)}`;
  const call = { method: 'GET', path, timeoutMs: REPORT_TIMEOUT_MS } as const;
  try {
    const report =
      node === facade.node
        ? await facade.volumeReplica(name)
        : await neighbours.ask(node, call, requesterOf(request), replicaReport);
    return { node, report, problem: null };
  } catch (error) {
    if (!(error instanceof EterneError)) throw error;
    return { node, report: null, problem: error.message };
  }
}
