/**
 * DIR/node.json: who this node is. Written by `cluster init`, `cluster join` or `witness join` (mode 0600: it holds the node's
 * private key and the cluster key), read by every daemon at its start. What may change while the cluster runs (members, addresses,
 * configuration) lives in the ordered log; `seeds` only says whom to ask first. Where this node and the others are is written
 * again when it has changed (`identity-keeper.ts`).
 */
import { EterneError } from '@eterne/base';
import type { Address, Files, TlsIdentity } from '@eterne/runtime';
import { identityPath } from './layout.ts';
import { Fields } from './fields.ts';

export const IDENTITY_VERSION = 1;
export const CLUSTER_KEY_BYTES = 32;
export const DEFAULT_NODE_PORT = 7700;
export const NODE_PATHS_MAX = 8;
/**
 * Node, group, volume and resource names. Short enough that they fit into a heartbeat, plain enough for file names, and none that every
 * object inherits: the replicated state keeps records by name, and would find `constructor` in each of them.
 */
export const NAME =
  /^(?!(?:constructor|hasOwnProperty|isPrototypeOf|propertyIsEnumerable|toLocaleString|toString|valueOf)$)[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/;

export interface MemberAddress {
  readonly node: string;
  readonly role: 'node' | 'witness';
  /** One per heartbeat path, `host:port`; see `servicePorts` for what listens where. */
  readonly addresses: readonly Address[];
}

export interface NodeIdentity {
  readonly version: typeof IDENTITY_VERSION;
  readonly clusterName: string;
  /** UUID made by `cluster init`; names the cluster whatever it is called. */
  readonly clusterId: string;
  readonly node: string;
  /** A witness votes and carries nothing. */
  readonly role: 'node' | 'witness';
  readonly addresses: readonly Address[];
  /** Where the HTTPS API and the console listen. */
  readonly api: Address;
  /** Shared secret of all nodes: authenticates heartbeats and Raft connections. 32 bytes. */
  readonly clusterKey: Buffer;
  readonly tls: TlsIdentity;
  /** Raft's name of this voter. A node that lost its log joins again under a new one. UUID. */
  readonly voterId: string;
  /** True only on the node where `cluster init` ran: with an empty log it starts as the only voter. */
  readonly founder: boolean;
  /** The members known when this file was written last, this one included. */
  readonly seeds: readonly MemberAddress[];
}

/** `10.0.0.1` → `10.0.0.1:7700`; an address that names its port stays. Throws `config` on nonsense. */
export function normaliseAddress(text: string): Address {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:[\]\s/]+)(?::(\d{1,5}))?$/.exec(text.trim());
  const port = match?.[2] === undefined ? DEFAULT_NODE_PORT : Number(match[2]);
  if (match?.[1] === undefined || port < 1 || port > 65_534)
    throw new EterneError('config', `not an address: ${JSON.stringify(text)}`, {
      hint: 'write for example 10.0.0.1, 10.0.0.1:7700 or [fd00::1]:7700',
    });
  return `${match[1]}:${port}`;
}

export interface ServicePorts {
  /** Heartbeats and leases, UDP. */
  readonly heart: Address;
  /** Raft, TCP; the same number. */
  readonly raft: Address;
  /** Mirror replication, TCP; the next number. */
  readonly replication: Address;
}

/** What listens behind one address of a node. */
export function servicePorts(address: Address): ServicePorts {
  const colon = address.lastIndexOf(':');
  const replication = `${address.slice(0, colon)}:${Number(address.slice(colon + 1)) + 1}`;
  return { heart: address, raft: address, replication };
}

export function encodeIdentity(identity: NodeIdentity): Buffer {
  const document = { ...identity, clusterKey: identity.clusterKey.toString('base64') };
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}

/** Throws `config` with one sentence when anything is missing, unknown or malformed. */
export function decodeIdentity(content: Buffer): NodeIdentity {
  const fields = Fields.parse('node.json', content);
  const version = fields.integer('version');
  if (version !== IDENTITY_VERSION)
    throw new EterneError(
      'config',
      `node.json has version ${version}; this program knows ${IDENTITY_VERSION}`,
    );
  const tls = fields.object('tls');
  const identity: NodeIdentity = {
    version: IDENTITY_VERSION,
    clusterName: fields.matching('clusterName', NAME),
    clusterId: fields.text('clusterId'),
    node: fields.matching('node', NAME),
    role: fields.oneOf('role', ['node', 'witness']),
    addresses: decodeAddresses(fields),
    api: fields.text('api'),
    clusterKey: Buffer.from(fields.text('clusterKey'), 'base64'),
    tls: { certPem: tls.text('certPem'), keyPem: tls.text('keyPem'), caPem: tls.text('caPem') },
    voterId: fields.text('voterId'),
    founder: fields.boolean('founder'),
    seeds: fields.objects('seeds').map(decodeMember),
  };
  tls.end();
  fields.end();
  if (identity.clusterKey.length !== CLUSTER_KEY_BYTES)
    throw new EterneError('config', `node.json: clusterKey must be ${CLUSTER_KEY_BYTES} bytes in base64`);
  return identity;
}

function decodeMember(fields: Fields): MemberAddress {
  const member: MemberAddress = {
    node: fields.matching('node', NAME),
    role: fields.oneOf('role', ['node', 'witness']),
    addresses: decodeAddresses(fields),
  };
  fields.end();
  return member;
}

function decodeAddresses(fields: Fields): readonly Address[] {
  const addresses = fields.texts('addresses').map(normaliseAddress);
  if (addresses.length === 0 || addresses.length > NODE_PATHS_MAX)
    throw new EterneError('config', `node.json: a node has 1 to ${NODE_PATHS_MAX} addresses`);
  return addresses;
}

export function writeIdentity(
  files: Files,
  dir: string,
  identity: NodeIdentity,
  done: (error: EterneError | undefined) => void,
): void {
  files.makeFolder(dir, (error) => {
    if (error) return done(error);
    files.writeFileAtomic(identityPath(dir), encodeIdentity(identity), 0o600, done);
  });
}

/** `not-found` when DIR holds no node yet. */
export function readIdentity(
  files: Files,
  dir: string,
  done: (result: NodeIdentity | EterneError) => void,
): void {
  files.readFile(identityPath(dir), (content) => {
    if (content instanceof EterneError) return done(content);
    if (content === undefined)
      return done(
        new EterneError('not-found', `${dir} holds no node`, {
          hint: 'make one with `eterne cluster init` or `eterne cluster join`',
        }),
      );
    let identity: NodeIdentity | EterneError;
    try {
      identity = decodeIdentity(content);
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      identity = error;
    }
    done(identity);
  });
}
