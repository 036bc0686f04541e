/**
 * `DiskPort` over a `JsonLink`, which is opened by `Upgrade: eterne-disk/1` on the control socket.
 * ```
 *   client → disk   call  ensure-volume {config, exports} · remove-volume {name} · promote {name, request} · demote {name}
 *                   note  lease {name, lease} · arbitrate · verdict {id, answer}
 *   disk → client   note  status {volumes} · proposal {id, proposal}
 * ```
 * Proposals go to the client that last sent `arbitrate`. When that one goes they are kept, and put again to the next: an arbiter
 * must know a proposal that it has already committed and answer it the same.
 * Changelog: 1 — first version.
 */
import * as z from 'zod';
import type { PromoteRequest, SetAnswer, SetProposal, VolumeConfig, VolumeStatus } from '../engine/api.ts';
import type { ExportSpec } from './port.ts';
import type { Lease } from './worker-messages.ts';

export const DISK_PORT_PROTOCOL = 'eterne-disk/1';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const whole = z.number().int().min(0);

/** Fields of every version of `VolumeConfig`; those added later pass through unchecked. */
const volumeConfig = z.looseObject({
  name,
  node: name,
  sizeBytes: whole,
  devicePath: z.string(),
  metadataPath: z.string(),
  peers: z.record(name, z.array(z.string())),
});
const exportSpec = z.object({
  kind: z.enum(['nbd', 'iscsi']),
  listen: z.string(),
  iqn: z.string().optional(),
});
const promoteRequest = z.object({
  force: z.boolean(),
  granted: z
    .object({
      term: z.object({ number: whole, grantor: z.string() }),
      set: z.object({ version: whole, members: z.array(name) }),
    })
    .optional(),
});
const setAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('committed'), set: z.object({ version: whole, members: z.array(name) }) }),
  z.object({ kind: z.literal('refused'), reason: z.string() }),
  z.object({ kind: z.literal('hold'), reason: z.string() }),
]);

/** Bodies of what a client sends, checked on arrival. */
export const clientBodies = {
  'ensure-volume': z.object({ config: volumeConfig, exports: z.array(exportSpec) }),
  'remove-volume': z.object({ name }),
  promote: z.object({ name, request: promoteRequest }),
  demote: z.object({ name }),
  lease: z.object({ name, lease: z.object({ validUntilBootMs: z.number(), graceMs: z.number() }) }),
  arbitrate: z.unknown(),
  verdict: z.object({ id: whole, answer: setAnswer }),
};

/** The same bodies as the sender sees them. */
export interface ClientBodies {
  'ensure-volume': { readonly config: VolumeConfig; readonly exports: readonly ExportSpec[] };
  'remove-volume': { readonly name: string };
  promote: { readonly name: string; readonly request: PromoteRequest };
  demote: { readonly name: string };
  lease: { readonly name: string; readonly lease: Lease };
  arbitrate: Record<string, never>;
  verdict: { readonly id: number; readonly answer: SetAnswer };
}

export interface StatusNote {
  readonly volumes: readonly VolumeStatus[];
}

export interface ProposalNote {
  readonly id: number;
  readonly proposal: SetProposal;
}
