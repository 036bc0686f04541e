/** What `crm_mon --output-as=xml` says of the nodes, and whether lost replicas can do no harm any more. Pure. */
export interface Membership {
  readonly quorate: boolean;
  readonly nodes: ReadonlyMap<string, { readonly online: boolean; readonly unclean: boolean }>;
}

const CURRENT_DC = /<current_dc\s([^>]*)>/;
const NODE = /<node\s([^>]*)>/g;
const ATTRIBUTE = /([a-z_-]+)="([^"]*)"/g;

const attributesOf = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries([...text.matchAll(ATTRIBUTE)].map(([, name = '', value = '']) => [name, value]));

export function parseMembership(xml: string): Membership {
  const dc = attributesOf(CURRENT_DC.exec(xml)?.[1] ?? '');
  const nodes = [...xml.matchAll(NODE)].map(([, text = '']) => attributesOf(text));
  return {
    quorate: dc['with_quorum'] === 'true',
    nodes: new Map(
      nodes.flatMap(({ name, online, unclean }) =>
        name === undefined || online === undefined
          ? []
          : [[name, { online: online === 'true', unclean: unclean !== 'false' }] as const],
      ),
    ),
  };
}

/**
 * May the loss of `lost` be marked? A member sees the mark before it is ever promoted; one that is fenced, or left in order, sees it when
 * it comes back. One that is unclean may be promoting itself right now. Undefined: yes; else why not yet.
 */
export function whyNotYet({ quorate, nodes }: Membership, lost: readonly string[]): string | undefined {
  if (!quorate) return 'this partition has no quorum';
  for (const name of lost) {
    const node = nodes.get(name);
    if (node === undefined) return `${name} is no node of this cluster`;
    if (!node.online && node.unclean) return `${name} is not fenced yet`;
  }
  return undefined;
}
