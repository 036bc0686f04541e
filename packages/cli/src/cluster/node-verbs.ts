/** `eterne node …` of the cluster (`eterne node run` is in `../node/`). */
import { FENCE_ORDER_MAX_MS } from '@eterne/cluster/fencing/order.ts';
import { fenceReport } from '@eterne/cluster/api/schema/orders.ts';
import { clusterStatus } from '@eterne/cluster/api/schema/status.ts';
import type { Command } from 'commander';
import { openSession, withConnection } from './session.ts';
import { nodesText } from './status-text.ts';

/** What all agents together may take, and the entries around it. */
const FENCE_TIMEOUT_MS = FENCE_ORDER_MAX_MS + 20_000;

/** Adds the verbs to an existing `eterne node` command. */
export function nodeVerbs(node: Command): void {
  withConnection(node.command('list'))
    .description('list the members')
    .action(async (_options, command: Command) => {
      const session = await openSession(command);
      const { nodes } = await session.ask({ method: 'GET', path: '/api/v1/status' }, clusterStatus);
      session.print(nodes, () => nodesText(nodes));
    });

  const orders = [
    ['standby', 'move everything away from it and let it carry nothing', 'goes to standby'],
    ['unstandby', 'let it carry groups again; ends standby and maintenance', 'is active again'],
    ['maintenance', 'leave everything where it is and act on nothing', 'goes to maintenance'],
  ] as const;
  for (const [verb, description, outcome] of orders)
    withConnection(node.command(`${verb} <node>`))
      .description(description)
      .action(async (name: string, _options, command: Command) => {
        const session = await openSession(command);
        const path = `/api/v1/nodes/${encodeURIComponent(name)}/${verb}`;
        await session.order({ method: 'POST', path }, `${name} ${outcome}`);
      });

  withConnection(node.command('fence <node>'))
    .description('switch it off by its fence devices, and wait until that is confirmed')
    .action(async (name: string, _options, command: Command) => {
      const session = await openSession(command);
      const path = `/api/v1/nodes/${encodeURIComponent(name)}/fence`;
      const answer = await session.ask({ method: 'POST', path, timeoutMs: FENCE_TIMEOUT_MS }, fenceReport);
      session.print(answer, () => `${name} was fenced in ${answer.tookMs} ms`);
    });

  withConnection(node.command('confirm-stopped <node>'))
    .description('give your word that a node which is not heard is off: whatever it owned is free at once')
    .option(
      '--accept-loss',
      'in a pair: let this node go on alone even if the other may know more; the other has to join anew',
    )
    .action(async (name: string, { acceptLoss = false }: { acceptLoss?: boolean }, command: Command) => {
      const session = await openSession(command);
      const path = `/api/v1/nodes/${encodeURIComponent(name)}/confirm-stopped`;
      await session.order({ method: 'POST', path, body: { acceptLoss } }, `${name} counts as stopped`);
    });

  withConnection(node.command('remove <node>'))
    .description('remove a member that carries no group and no replica')
    .option(
      '--confirm-stopped',
      'in a pair of which one node goes on alone: your word that the other is off, and stays off',
    )
    .action(
      async (name: string, { confirmStopped = false }: { confirmStopped?: boolean }, command: Command) => {
        const session = await openSession(command);
        const path = `/api/v1/nodes/${encodeURIComponent(name)}${confirmStopped ? '?confirmStopped=true' : ''}`;
        await session.order(
          { method: 'DELETE', path },
          `${name} is no member any more: stop it; it joins anew from an empty folder`,
        );
      },
    );
}
