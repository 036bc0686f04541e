import { z } from 'zod';

const words = z.object({ en: z.string(), zh: z.string() });

export const templateList = z.object({
  templates: z.array(z.object({ name: z.string(), title: words })).readonly(),
});

export const templateQuestions = z.object({
  name: z.string(),
  title: words,
  about: words.describe('what has to be there before the group is started'),
  questions: z
    .array(
      z.object({
        key: z.string(),
        kind: z.enum(['name', 'path', 'device', 'size', 'number', 'list', 'address', 'choice', 'text']),
        help: words,
        default: z.string().exactOptional().describe('absent: it must be answered; empty: without it'),
        choices: z.array(z.string()).readonly().exactOptional(),
      }),
    )
    .readonly(),
});

const ANSWERS_MAX = 64;

/** Question → answer, all of them texts. */
export const templateAnswers = z
  .record(z.string().max(64), z.string().max(4096))
  .refine((answers) => Object.keys(answers).length <= ANSWERS_MAX, 'has too many answers');
