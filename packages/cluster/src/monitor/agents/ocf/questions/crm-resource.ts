/** `crm_resource`: where a resource runs, and those of its meta attributes that Eterne has something for. It changes nothing. */
import type { PictureResource } from '../../../../node/picture.ts';
import { isActive, roleOf } from './crm-mon.ts';
import {
  EXIT_DISCONNECTED,
  EXIT_NO_SUCH,
  failed,
  idOf,
  readOptions,
  Refusal,
  refuse,
  said,
  type Answer,
  type Asker,
  type Question,
} from './question.ts';

const TOOL = 'crm_resource';
const OPTIONS = {
  resource: { type: 'string', short: 'r' },
  quiet: { type: 'boolean', short: 'Q' },
  locate: { type: 'boolean', short: 'W' },
  meta: { type: 'boolean', short: 'm' },
  'get-parameter': { type: 'string', short: 'g' },
  utilization: { type: 'boolean', short: 'z' },
  'set-parameter': { type: 'string', short: 'p' },
  'delete-parameter': { type: 'string', short: 'd' },
  'parameter-value': { type: 'string', short: 'v' },
} as const;
/** What changes where something runs, or runs its agent past whoever is in charge of it. */
const ORDERS =
  /^(-[BMUCRFDo]|--(ban|move|clear|cleanup|refresh|fail|delete|restart|force-.*|list-.*|constraints|stack|why|validate|digests))(=|$)/;

export function crmResource(args: readonly string[], asker: Asker): Question {
  if (args.some((arg) => ORDERS.test(arg)))
    return refuse(TOOL, 'it asks for no place and no meta attribute; orders are given with `eterne group`');
  const given = readOptions(TOOL, args, OPTIONS);
  // Agents take a cluster that keeps none for one that cannot be reached, and go on without.
  if (given['utilization'] === true)
    throw new Refusal(
      TOOL,
      EXIT_DISCONNECTED,
      'utilization is a group’s `demand` in Eterne; not connected to Pacemaker',
    );
  const id = (given['resource'] as string | undefined) ?? asker.instance;
  const name = given['get-parameter'] as string | undefined;
  if (given['locate'] === true) return question(id, (one) => place(one, given['quiet'] === true));
  if (given['meta'] === true && name !== undefined) return question(id, (one) => metaAttribute(one, name));
  return refuse(TOOL, 'only --locate, and --meta --get-parameter');
}

function question(id: string, answer: (resource: PictureResource) => Answer): Question {
  return {
    needsQuorum: true,
    answer: ({ resources }) => {
      const [found, other] = resources.filter((one) => idOf(one) === id);
      if (found === undefined) return failed(EXIT_NO_SUCH, `${TOOL}: Resource '${id}' not found`);
      if (other !== undefined)
        return failed(EXIT_DISCONNECTED, `${TOOL}: two resources are called ${id} here`);
      return answer(found);
    },
  };
}

function place(resource: PictureResource, isQuiet: boolean): Answer {
  const id = idOf(resource);
  const { owner, state } = resource;
  if (state === 'unknown')
    return failed(EXIT_DISCONNECTED, `${TOOL}: nobody knows at the moment where ${id} is`);
  if (owner === null || !isActive(resource))
    return { code: 0, stdout: '', stderr: isQuiet ? '' : `resource ${id} is NOT running\n` };
  if (isQuiet) return said(owner);
  return said(`resource ${id} is running on: ${owner} ${roleOf(resource) === 'Master' ? 'Master' : ''}`);
}

function metaAttribute(resource: PictureResource, name: string): Answer {
  switch (name) {
    case 'is-managed':
      return said(String(resource.isManaged));
    case 'target-role':
      return said(resource.isWanted ? 'Started' : 'Stopped');
    default:
      return failed(EXIT_NO_SUCH, `Attribute '${name}' not found for '${idOf(resource)}'`);
  }
}
