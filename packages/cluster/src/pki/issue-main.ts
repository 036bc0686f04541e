/** Issues one certificate and ends (`issue.ts`). */
import { text } from 'node:stream/consumers';
import { EterneError } from '@eterne/base';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { issueCertificate } from './authority.ts';
import { REFUSED, type IssueOrder } from './issue.ts';

const { authority, subject, requestPem, nowMs } = JSON.parse(await text(process.stdin)) as IssueOrder;
try {
  const { random } = createNodeWorld('issue');
  process.stdout.write(await issueCertificate(authority, subject, requestPem, { random, nowMs }));
} catch (error) {
  if (!(error instanceof EterneError)) throw error;
  process.stderr.write(error.message);
  process.exitCode = REFUSED;
}
