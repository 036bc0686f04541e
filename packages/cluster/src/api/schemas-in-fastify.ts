/** Lets Fastify and its OpenAPI generator work with zod schemas: one description for checking, serialising, typing and documenting. */
import { EterneError } from '@eterne/base';
import type { FastifySchema, FastifySchemaCompiler, FastifyTypeProvider, RouteOptions } from 'fastify';
import type { FastifySerializerCompiler } from 'fastify/types/schema.js';
import { z } from 'zod';
import { errorAnswer } from './schema/access.ts';

export interface ZodTypes extends FastifyTypeProvider {
  validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown;
  serializer: this['schema'] extends z.ZodType ? z.input<this['schema']> : unknown;
}

export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema }) => {
  return (data: unknown) => {
    const result = schema.safeParse(data);
    if (result.success) return { value: result.data };
    return { error: new EterneError('usage', sentences(result.error)) };
  };
};

/** Only what the schema names leaves the node, whatever a handler returns. */
export const serializerCompiler: FastifySerializerCompiler<z.ZodType> = ({ schema }) => {
  return (data: unknown) => JSON.stringify(schema.parse(data));
};

function sentences(error: z.ZodError): string {
  return error.issues
    .map((issue) => [issue.path.join('.'), issue.message].filter(Boolean).join(': '))
    .join('; ');
}

/** The route's zod schemas as JSON Schema, with the common error answer added. For the generator only. */
export function describeRoute({
  schema,
  url,
  route,
}: {
  schema: FastifySchema;
  url: string;
  route: RouteOptions;
}) {
  const access = route.config?.access ?? 'public';
  const description = access === 'public' ? 'Needs no session.' : `Needs the role ${access} or a higher one.`;
  const described: Record<string, unknown> = { ...schema, description };
  for (const part of ['body', 'querystring', 'params'] as const)
    if (schema[part] instanceof z.ZodType) described[part] = jsonSchema(schema[part], 'input');
  const responses = Object.entries((schema.response ?? {}) as Record<string, z.ZodType>);
  described['response'] = Object.fromEntries([
    ...responses.map(([status, body]) => [status, jsonSchema(body, 'output')]),
    ['default', jsonSchema(errorAnswer, 'output')],
  ]);
  return { schema: described as FastifySchema, url };
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
