/**
 * The target's control socket: HTTP/JSON on a unix socket (docs/reference/target.md), used by `eterne target status`.
 * ```
 *   GET /v1/status      TargetStatus
 * ```
 */
import { EterneError } from '@eterne/base';
import { errorReply, type HttpReply, type HttpRequest } from '@eterne/runtime/node/http.ts';
import type { TargetProcess } from './process/target-process.ts';
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

/** What a process says of the targets that it serves. */
export interface ServedStatus {
  readonly targets: readonly { readonly iqn: string; readonly luns: readonly LunStatus[] }[];
  readonly sessions: readonly SessionStatus[];
}

export interface TargetStatus {
  readonly portals: readonly string[];
  readonly targets: readonly {
    readonly iqn: string;
    /** `not-answering`: its process is starting, or a store holds it up; nothing is known of its LUNs and sessions then. */
    readonly state: 'serving' | 'not-answering';
    /** Of the process that serves it; null while there is none. */
    readonly pid: number | null;
    readonly luns: readonly LunStatus[];
  }[];
  readonly sessions: readonly SessionStatus[];
}

export function servedStatusOf(server: TargetServer): ServedStatus {
  return {
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
  processes: readonly TargetProcess[],
  request: HttpRequest,
  reply: (reply: HttpReply) => void,
): void {
  if (request.method !== 'GET' || request.path !== '/v1/status')
    return reply(errorReply(new EterneError('not-found', `no ${request.method} ${request.path}`)));
  const answers: (ServedStatus | undefined)[] = [];
  let missing = processes.length;
  processes.forEach((process, index) =>
    process.askStatus((answer) => {
      answers[index] = answer;
      missing -= 1;
      if (missing === 0) reply({ status: 200, body: wholeStatus(server, processes, answers) });
    }),
  );
}

function wholeStatus(
  server: TargetServer,
  processes: readonly TargetProcess[],
  answers: readonly (ServedStatus | undefined)[],
): TargetStatus {
  const own = servedStatusOf(server); // discovery
  return {
    portals: server.addresses,
    targets: processes.flatMap(({ group, pid = null }, index) =>
      group.targets.map(({ iqn }) => ({
        iqn,
        state: answers[index] === undefined ? ('not-answering' as const) : ('serving' as const),
        pid,
        luns: answers[index]?.targets.find((served) => served.iqn === iqn)?.luns ?? [],
      })),
    ),
    sessions: [...own.sessions, ...answers.flatMap((answer) => answer?.sessions ?? [])],
  };
}
