/** `eterne cluster recover`: of a node that is off, in a cluster that has lost the majority of its votes for good. */
import { EterneError } from '@eterne/base';
import { recoverCluster, type Recovery } from '@eterne/cluster/node/recover.ts';
import { instantOf, type Address, type World } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { holdFolder } from './held-folder.ts';

export interface RecoverOptions {
  readonly dir: string;
  readonly without: readonly string[];
  readonly acceptLoss?: boolean;
}

const ANSWER_MS = 2000;

export async function recover({ dir, without, acceptLoss = false }: RecoverOptions): Promise<Recovery> {
  if (!acceptLoss)
    throw new EterneError('refused', 'what only the other members had decided or written would be lost', {
      hint: 'start as many of them as make a majority; or say --accept-loss',
    });
  const world = createNodeWorld('cli');
  await holdFolder(world.files, dir, `the node in ${dir} is running`, 'stop it first');
  return recoverCluster({ world, dir, without, answers: (address) => answers(world, address) });
}

export function recoveryText(
  { cluster, node, without, knownUntilMs, lacking }: Recovery,
  dir: string,
): readonly string[] {
  return [
    `${node} goes on with ${cluster} as a new cluster, without ${without.join(', ')}. It knows what was decided until ${instantOf(knownUntilMs).toISOString()}.`,
    `Bring it to life with: eterne node run --dir ${dir}`,
    ...lacking.map(
      (volume) =>
        `Its copy of ${volume} may lack what was written last; to serve it all the same: eterne volume accept-loss ${volume} --node ${node}`,
    ),
    `Keep ${without.join(', ')} off until their state folders are cleared: they would go on with the former cluster. Then let them, or others, join anew.`,
  ];
}

function answers({ network }: Pick<World, 'network'>, address: Address): Promise<boolean> {
  return new Promise((resolve) => {
    network.connect(address, { timeoutMs: ANSWER_MS }, (stream) => {
      if (stream instanceof EterneError) return resolve(false);
      stream.destroy();
      return resolve(true);
    });
  });
}
