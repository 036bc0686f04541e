import { fillTemplate } from '../../templates/fill.ts';
import { questionsOf, templateNamed, templateNames } from '../../templates/template.ts';
import type { Api } from '../instance.ts';
import { nameParams } from '../schema/names.ts';
import { configDocument } from '../schema/orders.ts';
import { templateAnswers, templateList, templateQuestions } from '../schema/templates.ts';

export function templateRoutes(api: Api): void {
  api.get(
    '/api/v1/templates',
    {
      schema: { summary: 'Applications that there are templates for', response: { 200: templateList } },
      config: { access: 'viewer' },
    },
    () => ({
      templates: templateNames().map((name) => ({ name, title: templateNamed(name).title })),
    }),
  );

  api.get(
    '/api/v1/templates/:name',
    {
      schema: { summary: 'What a template asks', params: nameParams, response: { 200: templateQuestions } },
      config: { access: 'viewer' },
    },
    ({ params: { name } }) => {
      const { title, about } = templateNamed(name);
      return { name, title, about, questions: questionsOf(name) };
    },
  );

  api.post(
    '/api/v1/templates/:name/fill',
    {
      schema: {
        summary: 'The configuration document that the answers make; nothing is changed',
        params: nameParams,
        body: templateAnswers,
        response: { 200: configDocument },
      },
      config: { access: 'viewer' },
    },
    (request) => fillTemplate(request.params.name, request.body),
  );
}
