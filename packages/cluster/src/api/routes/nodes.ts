import { type ApiContext, requesterOf } from '../context.ts';
import type { Api } from '../instance.ts';
import { accepted, nameParams } from '../schema/names.ts';
import { failureSimulation, fenceReport, simulationQuery } from '../schema/orders.ts';

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
        response: { 202: accepted },
      },
      config: { access: 'operator' },
    },
    async (request, reply) => {
      await facade.nodeConfirmStopped(request.params.name, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );

  api.delete(
    '/api/v1/nodes/:name',
    {
      schema: {
        summary: 'Remove a member that carries nothing',
        params: nameParams,
        response: { 202: accepted },
      },
      config: { access: 'admin' },
    },
    async (request, reply) => {
      await facade.nodeRemove(request.params.name, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );

  api.get(
    '/api/v1/simulation',
    {
      schema: {
        summary: 'What would happen if this node stopped now',
        querystring: simulationQuery,
        response: { 200: failureSimulation },
      },
      config: { access: 'viewer' },
    },
    ({ query }) => facade.simulateFail(query.fail),
  );
}
