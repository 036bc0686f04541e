import { z } from 'zod';
import type { ApiContext } from '../context.ts';
import type { Api } from '../instance.ts';
import { metricsText } from '../metrics.ts';

export function metricsRoute(api: Api, { facade }: ApiContext): void {
  api.get(
    '/api/v1/metrics',
    {
      schema: {
        summary: 'The same as numbers, for Prometheus',
        produces: ['text/plain'],
        response: { 200: z.string() },
      },
      config: { access: 'viewer' },
    },
    async (_request, reply) => {
      const { type, text } = await metricsText(facade.status());
      return reply.type(type).send(text);
    },
  );
}
