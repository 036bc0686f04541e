/** The configuration as the cluster shows it, as far as wizards read it: what else is there they hand back as it is. Pure. */
export interface FenceEntry {
  readonly node: string;
  readonly agent: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly level?: number;
  readonly [key: string]: unknown;
}

export interface GroupEntry {
  readonly name: string;
  readonly nodes: readonly string[];
  readonly with?: readonly string[];
  readonly apart?: readonly string[];
  readonly after?: readonly string[];
  readonly [key: string]: unknown;
}

/** One text for all nodes, or one for each. */
export type PerNode = string | Readonly<Record<string, string>>;

export interface ExportEntry {
  readonly nbd?: { readonly listen: PerNode; readonly [key: string]: unknown };
  readonly iscsi?: { readonly listen: PerNode; readonly iqn: string; readonly [key: string]: unknown };
}

/** Of a disk: a volume of one, or a part. */
export interface DiskEntry {
  readonly name: string;
  readonly replicas?: Readonly<Record<string, string>>;
  readonly exports?: readonly ExportEntry[];
  readonly [key: string]: unknown;
}

export interface VolumeEntry extends DiskEntry {
  readonly parts?: readonly DiskEntry[];
  /** Devices that several nodes reach, and those nodes. */
  readonly devices?: Readonly<Record<string, PerNode>>;
  readonly nodes?: readonly string[];
  readonly fence?: string;
}

export interface Configuration {
  readonly cluster?: {
    readonly fencing?: readonly FenceEntry[];
    readonly heartbeatDisks?: readonly PerNode[];
    readonly tieBreaker?: { readonly kind: string };
    readonly [key: string]: unknown;
  };
  readonly nodes?: readonly {
    readonly name: string;
    readonly addresses?: readonly string[];
    readonly api?: string;
  }[];
  readonly volumes?: readonly VolumeEntry[];
  readonly groups?: readonly GroupEntry[];
}

/** An address without its port. */
export function hostOf(address: string): string {
  return address.replace(/:[0-9]+$/, '').replace(/^\[(.*)\]$/, '$1');
}

/** Where a node listens itself. */
export function addressesOf({ nodes = [] }: Configuration, node: string): readonly string[] {
  const { addresses = [], api } = nodes.find(({ name }) => name === node) ?? {};
  return api === undefined ? addresses : [...addresses, api];
}

export function atNode(text: PerNode, node: string): string | undefined {
  return typeof text === 'string' ? text : text[node];
}
