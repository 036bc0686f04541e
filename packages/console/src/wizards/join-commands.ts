/** What to type on a server that is to join. Pure. */
export interface ServerAnswers {
  readonly role: 'node' | 'witness';
  readonly name: string;
  /** One address for each network, separated by commas. */
  readonly addresses: string;
}

const ADDRESS = /^(\[[0-9a-fA-F:]+\]|[0-9a-zA-Z.-]+)(:[0-9]{1,5})?$/;
const API_PORT = 8443;

const listOf = (addresses: string): string[] => addresses.split(',').map((address) => address.trim());

export function isAddressList(addresses: string): boolean {
  return listOf(addresses).every((address) => ADDRESS.test(address));
}

/** `to`: host and port of the API that admits it. */
export function joinCommands({ role, name, addresses }: ServerAnswers, token: string, to: string): string {
  const list = listOf(addresses);
  const host = (list[0] ?? '').replace(/:[0-9]+$/, '');
  const identity = `--node ${name.trim()} --address ${list.join(',')}`;
  const admission = `--token ${token} --to ${to}`;
  return role === 'node'
    ? `./eterne cluster join ${identity} --api ${host}:${API_PORT} ${admission}\n./eterne node run\n`
    : `./eterne witness join ${identity} ${admission}\n./eterne witness run\n`;
}
