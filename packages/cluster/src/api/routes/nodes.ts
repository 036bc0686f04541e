import { type ApiContext, requesterOf } from '../context.ts';
import type { Api } from '../instance.ts';
import { accepted, nameParams } from '../schema/names.ts';
import {
  confirmStoppedOrder,
  failureSimulation,
  fenceReport,
  removalQuery,
  simulationQuery,
} from '../schema/orders.ts';

export const MAINTENANCE = [
  ['begin', true],
  ['end', false],
] as const;

export function nodeRoutes(api: Api, { facade }: ApiContext): void {
  const orders = [
    ['standby', 'Move everything away and carry nothing', 'nodeStandby'],
    ['unstandby', 'End standby or maintenance', 'nodeUnstandby'],
    ['maintenance', 'Leave everything where it is and act on nothing', 'nodeMaintenance'],
  ] as const;
  for (const [verb, summary, order] of orders)
    api.post(
      `/api/v1/nodes/:name/${verb}`,
      {
        schema: { summary, params: nameParams, response: { 202: accepted } },
        config: { access: 'operator' },
      },
      async (request, reply) => {
        await facade[order](request.params.name, requesterOf(request));
        return reply.code(202).send({ accepted: true });
      },
    );

  api.post(
    '/api/v1/nodes/:name/fence',
    {
      schema: {
        summary: 'Switch it off by its fence devices; answers when that is confirmed',
        params: nameParams,
        response: { 200: fenceReport },
      },
      config: { access: 'operator' },
    },
    (request) => facade.nodeFence(request.params.name, requesterOf(request)),
  );

  api.post(
    '/api/v1/nodes/:name/confirm-stopped',
    {
      schema: {
        summary: 'Give your word that a node which is not heard is off: what it owned is free at once',
        params: nameParams,
        body: confirmStoppedOrder,
        response: { 202: accepted },
      },
      config: { access: 'operator' },
    },
    async (request, reply) => {
      const acceptLoss = request.body?.acceptLoss ?? false;
      await facade.nodeConfirmStopped(request.params.name, acceptLoss, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );
  for (const [verb, on] of MAINTENANCE)
    api.post(
      `/api/v1/maintenance/${verb}`,
      {
        schema: {
          summary: `${on ? 'Begin' : 'End'} maintenance of the whole cluster`,
          response: { 202: accepted },
        },
        config: { access: 'operator' },
      },
      async (request, reply) => {
        await facade.setMaintenance(null, on, requesterOf(request));
        return reply.code(202).send({ accepted: true });
      },
    );

  api.delete(
    '/api/v1/nodes/:name',
    {
      schema: {
        summary: 'Remove a member that carries nothing',
        params: nameParams,
        querystring: removalQuery,
        response: { 202: accepted },
      },
      config: { access: 'admin' },
    },
    async (request, reply) => {
      const isSaidToBeOff = request.query.confirmStopped === 'true';
      await facade.nodeRemove(request.params.name, isSaidToBeOff, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );

  api.get(
    '/api/v1/simulation',
    {
      schema: {
        summary: 'What would happen if nodes stopped, came back, or no longer heard each other',
        querystring: simulationQuery,
        response: { 200: failureSimulation },
      },
      config: { access: 'viewer' },
    },
    ({ query }) => {
      if ('fail' in query) return facade.simulate({ kind: 'fail', nodes: query.fail.split(',') });
      if ('return' in query) return facade.simulate({ kind: 'return', nodes: query.return.split(',') });
      const sides = query.partition.split('/').map((side) => side.split(',').filter(Boolean));
      return facade.simulate({ kind: 'partition', sides });
    },
  );
}
