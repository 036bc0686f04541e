/** Which tool was called with what: the question, or the refusal. */
import { crmMon } from './crm-mon.ts';
import { crmNode } from './crm-node.ts';
import { crmResource } from './crm-resource.ts';
import { crmFailcount, crmStandby } from './counts.ts';
import { Refusal, refuse, type Answer, type Asker, type Question } from './question.ts';

export function readQuestion(tool: string, args: readonly string[], asker: Asker): Question | Answer {
  try {
    return read(tool, args, asker);
  } catch (error) {
    if (error instanceof Refusal) return error.answer;
    throw error;
  }
}

function read(tool: string, args: readonly string[], asker: Asker): Question {
  switch (tool) {
    case 'crm_mon':
      return crmMon(args, asker);
    case 'crm_node':
      return crmNode(args);
    case 'crm_resource':
      return crmResource(args, asker);
    case 'crm_failcount':
      return crmFailcount(args, asker);
    case 'crm_standby':
      return crmStandby(args, asker);
    default:
      return refuse(tool, 'there is no Pacemaker here');
  }
}
