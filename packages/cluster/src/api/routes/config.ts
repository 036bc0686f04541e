import { type ApiContext, requesterOf } from '../context.ts';
import type { Api } from '../instance.ts';
import { confirmPaths } from '../path-check.ts';
import { accepted } from '../schema/names.ts';
import { configDocument, configPlan, migrateLogOrder } from '../schema/orders.ts';

export function configRoutes(api: Api, context: ApiContext): void {
  const { facade } = context;

  api.get(
    '/api/v1/config',
    {
      schema: {
        summary: 'The document that would make the cluster as it is; secrets are masked',
        response: { 200: configDocument },
      },
      config: { access: 'viewer' },
    },
    () => facade.configShow(),
  );

  api.post(
    '/api/v1/config/plan',
    {
      schema: {
        summary: 'What applying a document would do',
        body: configDocument,
        response: { 200: configPlan },
      },
      config: { access: 'viewer' },
    },
    (request) => facade.configPlan(request.body),
  );

  api.post(
    '/api/v1/config/apply',
    {
      schema: {
        summary: 'Make the cluster as the document says',
        body: configDocument,
        response: { 200: configPlan },
      },
      config: { access: 'admin' },
    },
    async (request) => {
      await confirmPaths(context, request.body, requesterOf(request));
      return facade.configApply(request.body, requesterOf(request));
    },
  );

  api.post(
    '/api/v1/cluster/migrate-log',
    {
      schema: {
        summary: 'Move the ordered log into etcd or back; the status tells how far it has got',
        body: migrateLogOrder,
        response: { 202: accepted },
      },
      config: { access: 'admin' },
    },
    async (request, reply) => {
      await facade.migrateLog(request.body.to, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );
}
