/** Where the server makes what the console shows. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PACKAGES = fileURLToPath(new URL('../../../', import.meta.url));

/** Functions whose texts the console does not show as they are: lines of the timeline, halves that are put together (`real-texts.test.ts` has them whole). */
const EXCEPT: Readonly<Record<string, readonly string[]>> = {
  'cluster/src/state/strays.ts': ['sayStrays'],
  'cluster/src/state/volume-orders.ts': ['orderSentence'],
  'cluster/src/state/apply-fence.ts': ['endLife'],
  'cluster/src/state/apply-half.ts': ['applyParted', 'wholeMessage'],
  'cluster/src/state/apply-volume.ts': ['goOnWith'],
  'cluster/src/state/apply.ts': ['applySettled'],
  'cluster/src/service/status.ts': ['partedWarning', 'featureWarnings'],
};

/** What remains in English where it is made, and why. */
export const IN_ENGLISH: Readonly<Record<string, readonly string[]>> = {
  // Lines of the timeline.
  'cluster/src/state/apply-log.ts': [
    'the log begins to move from X1 to X1',
    'the log stays with X1: X1',
    'the log of epoch X1 has begun, kept by X1',
  ],
  // Pieces, whole in `real-texts.test.ts`.
  'cluster/src/service/explain.ts': ['no node', 'Group X1 is X1 and has no ownerX1.'],
  'cluster/src/service/simulate.ts': ['X1, between X1 (X1)', 'Group X1 would move from X1 to X1X1; X1: X1.'],
  'cluster/src/service/status.ts': [
    'X1; `eterne group start X1` starts it elsewhere',
    'One voter',
    'Two voters',
    'Volume X1 has not grown to X1 yetX1.',
  ],
  'cluster/src/state/strays.ts': ['X1, and could not be stopped: X1'],
  'cluster/src/state/apply-configure.ts': ['a witness', 'not a node of this cluster'],
  'cluster/src/state/claims.ts': [
    'parts of X1 overlap on a diskX1: X1 and X1',
    'X1 overlap on a diskX1: X1 and X1',
  ],
  'cluster/src/service/config/document.ts': ['the document'],
  'cluster/src/service/config/plan.ts': ['Change X1 of the cluster.X1', 'no stated capacity'],
  // Words for programs, and the API's description of itself.
  'cluster/src/monitor/watch/footing-watch.ts': ['--format=%b %f %a %c %d'],
  'cluster/src/monitor/agents/app/probe.ts': ['GET X1 HTTP/1.0\r\nHost: X1\r\n\r\n'],
  'cluster/src/monitor/agents/registry.ts': ['resource of type X1'],
  'cluster/src/api/routes/stream.ts': [
    'only events with a higher id; `Last-Event-ID` wins',
    'text/event-stream; charset=utf-8',
  ],
  'cluster/src/api/routes/groups.ts': ['Run it on the best node', 'Stop it and keep it stopped'],
  'cluster/src/api/routes/nodes.ts': [
    'Move everything away and carry nothing',
    'End standby or maintenance',
    'Leave everything where it is and act on nothing',
  ],
  'disk/src/metadata/identity.ts': ['eterne disk resize X1'],
  'runtime/src/node/watchdog.ts': ['timeout X1\n'],
  'disk/src/metadata/handshake.ts': ['11 two primaries', '14 bitmap', '14 full', '14 split brain'],
  'cluster/src/api/auth/password.ts': ['a stored password hash is malformed'],
  'cluster/src/api/auth/root-token.ts': ['eterne root token 1'],
  'cluster/src/api/auth/session.ts': ['eterne session 1'],
};

/** Said to programs, or to whoever joins a node by a command. */
const SKIPPED = ['cluster/src/api/routes/join.ts', 'cluster/src/service/leader/lease-book.ts'];

const CLUSTER = 'cluster/src';
const DISK = 'disk/src';

const FOLDERS: readonly (readonly [folder: string, files?: RegExp])[] = [
  ['base/src', /^units\./],
  [
    `${CLUSTER}/state`,
    /^(apply|capacity|held|strays|rules|.*-rules|places|claims|parts|joined|volume-orders|levels)/,
  ],
  [
    `${CLUSTER}/service`,
    /^(explain|simulate|status|fence-watch|drill-run|needed|service|service-facade|replica-orders)\./,
  ],
  [`${CLUSTER}/service/leader`],
  [`${CLUSTER}/service/owner`],
  [`${CLUSTER}/service/pair`],
  [`${CLUSTER}/service/config`],
  [`${CLUSTER}/monitor`, /^(monitor|resource)\./],
  [`${CLUSTER}/monitor/watch`],
  [`${CLUSTER}/monitor/agents`],
  ...['app', 'filesystem', 'ip', 'mirror', 'ocf', 'shared-disk', 'systemd', 'vm'].map(
    (agent) => [`${CLUSTER}/monitor/agents/${agent}`] as const,
  ),
  [`${CLUSTER}/api`, /^(client|errors|guard|neighbours|path-check)\./],
  [`${CLUSTER}/api/auth`],
  [`${CLUSTER}/api/routes`],
  [`${CLUSTER}/fencing`, /^(agent|fencer|metadata|run|secrets)\./],
  [`${CLUSTER}/heart`, /^(make-disk|slot-disk)\./],
  [`${CLUSTER}/node`, /^(fields|identity-prefix|log-switch)\./],
  [`${CLUSTER}/raft/tie`, /^(proof-player|tie-driver|tie-transport)\./],
  ['runtime/src', /^json-link\./],
  ['runtime/src/node', /^(https-client|named-tls|network|secure|shared-disk|stores|watchdog)\./],
  [`${DISK}/metadata`, /^(handshake|identity|open|remap-table)\./],
  [`${DISK}/engine`],
  [`${DISK}/engine/disk`],
  [`${DISK}/engine/link`, /^(await-promotion|copy-out|lives)\./],
  [`${DISK}/engine/primary`],
  [`${DISK}/engine/resize`],
  [`${DISK}/engine/split-brain`],
  [`${DISK}/engine/split-brain/files`, /^(ext|ntfs|tool)\./],
  [`${DISK}/engine/verify`],
  [`${DISK}/process`, /^(asking-arbiter|disk-process|questions|volume-process|worker-questions)\./],
  [`${DISK}/rescue`],
];

export interface Maker {
  readonly name: string;
  readonly path: string;
  readonly except: readonly string[];
}

export const MAKERS: readonly Maker[] = FOLDERS.flatMap(([folder, files = /\.ts$/]) =>
  readdirSync(`${PACKAGES}${folder}`)
    .filter((name) => name.endsWith('.ts') && files.test(name))
    .map((name) => `${folder}/${name}`)
    .filter((name) => !SKIPPED.includes(name))
    .map((name) => ({ name, path: `${PACKAGES}${name}`, except: EXCEPT[name] ?? [] })),
);
