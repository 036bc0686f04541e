/** `eterne node readdress`, `eterne witness readdress`: of a node that is off. */
import type { NodeIdentity } from '@eterne/cluster/node/identity.ts';
import { readdressNode } from '@eterne/cluster/node/readdress.ts';
import { parseAddresses, parseApiAddress } from '@eterne/cluster/pki/addresses.ts';
import { settle } from '@eterne/cluster/pki/settle.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { holdFolder } from './held-folder.ts';

export interface ReaddressOptions {
  readonly dir: string;
  /** Separated by commas. */
  readonly address: string;
  readonly api?: string;
}

/** The sentence for the operator. */
export async function readdress({ dir, address, api }: ReaddressOptions): Promise<string> {
  const { files } = createNodeWorld('cli');
  const addresses = parseAddresses(address.split(','));
  const place = { addresses, api: api === undefined ? undefined : parseApiAddress(api) };
  await holdFolder(
    files,
    dir,
    `the node in ${dir} is running`,
    'a running cluster is told new addresses by a document: eterne config apply',
  );
  const { node, role } = await settle<NodeIdentity>((done) => readdressNode(files, dir, place, done));
  return `${node} is at ${addresses.join(', ')} from its next start on: eterne ${role} run --dir ${dir}`;
}
