import { type ApiContext, requesterOf } from '../context.ts';
import type { Api } from '../instance.ts';
import { accepted, nameParams } from '../schema/names.ts';
import { failureSimulation, simulationQuery } from '../schema/orders.ts';

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
