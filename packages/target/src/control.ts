/**
 * The target's control socket: HTTP/JSON on a unix socket (docs/reference/target.md), used by `eterne target status`.
 * ```
 *   GET /v1/status      TargetStatus
 * ```
 */
import { EterneError } from '@eterne/base';
import { errorReply, type HttpReply, type HttpRequest } from '@eterne/runtime/node/http.ts';
import type { LogicalUnit } from './scsi/logical-unit.ts';
import type { TargetServer } from './target-server.ts';

export interface LunStatus {
  readonly lun: number;
  readonly sizeBytes: number;
  readonly blockSize: number;
  readonly physicalBlockSize: number;
  readonly thin: boolean;
  readonly removable: boolean;
  readonly readOnly: boolean;
  readonly serial: string;
  readonly medium: 'loaded' | 'ejected';
  readonly sanitizing: boolean;
  readonly sanitize: { readonly state: 'running' | 'failed'; readonly percent: number } | null;
  readonly registrations: number;
  /** Of the reservation: SPC-4 §6.15.3; `holder` is an initiator port. */
  readonly reservation: { readonly type: number; readonly holder: string } | null;
}

export interface SessionStatus {
  readonly initiator: string;
  /** Initiator name and ISID. */
  readonly port: string;
  readonly address: string;
  readonly portal: string;
  /** Null: a discovery session. */
  readonly target: string | null;
  readonly commands: number;
}

export interface TargetStatus {
  readonly portals: readonly string[];
  readonly targets: readonly { readonly iqn: string; readonly luns: readonly LunStatus[] }[];
  readonly sessions: readonly SessionStatus[];
}

export function statusOf(server: TargetServer): TargetStatus {
  return {
    portals: server.addresses,
    targets: server.targets.map(({ scsi }) => ({ iqn: scsi.name, luns: [...scsi.units].map(lunStatus) })),
    sessions: server.sessions.map(({ session, connection }) => ({
      initiator: session.initiatorName,
      port: session.initiatorPort,
      address: connection.remoteAddress,
      portal: connection.path.portal,
      target: session.target?.name ?? null,
      commands: session.commandCount,
    })),
  };
}

function lunStatus(unit: LogicalUnit): LunStatus {
  const { thin, removable, identity } = unit.attributes;
  const { registrations, reservation } = unit.reservations.state;
  return {
    lun: unit.lun,
    sizeBytes: unit.blocks * unit.blockBytes,
    blockSize: unit.blockBytes,
    physicalBlockSize: unit.attributes.physicalBlockBytes ?? unit.blockBytes,
    thin,
    removable,
    readOnly: unit.writeProtected,
    serial: identity.serial,
    medium: unit.medium,
    sanitizing: unit.sanitizer?.isBusy === true,
    sanitize: unit.sanitizer?.status ?? null,
    registrations: registrations.length,
    reservation: reservation === undefined ? null : { type: reservation.type, holder: reservation.port },
  };
}

export function answerControl(
  server: TargetServer,
  request: HttpRequest,
  reply: (reply: HttpReply) => void,
): void {
  if (request.method === 'GET' && request.path === '/v1/status')
    return reply({ status: 200, body: statusOf(server) });
  reply(errorReply(new EterneError('not-found', `no ${request.method} ${request.path}`)));
}
