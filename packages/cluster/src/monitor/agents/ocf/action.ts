/**
 * One action of an OCF agent: environment in, exit code out (Resource Agent API 1.1 §"Actions", §"Return codes").
 *
 * What agents rely on beyond the standard, because Pacemaker does it: `OCF_RESKEY_CRM_meta_timeout` and `_interval` in milliseconds; an
 * interval other than 0 is what tells a monitor of something that should run from a probe (`ocf_is_probe`); once a version is
 * set, `OCF_RESOURCE_INSTANCE` must be too.
 */
import { SYSTEM_PATH } from '@eterne/runtime';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeCacheFolder, passingAttributesFolder } from '../../../node/layout.ts';
import type { Hands, Job } from '../agent.ts';
import { markOf } from '../helper.ts';
import type { OcfName, OcfParams } from './params.ts';

const OCF_ROOT = '/usr/lib/ocf';
const SHIMS = fileURLToPath(new URL('shims', import.meta.url));
const QUESTIONS = fileURLToPath(new URL('questions/main.ts', import.meta.url));
const SAID_BYTES_MAX = 4096;

export type OcfVerb = 'start' | 'stop' | 'monitor' | 'promote' | 'demote';

export interface OcfAction {
  readonly verb: OcfVerb;
  readonly timeoutMs: number;
  /** 0: a probe, or no monitor. */
  readonly intervalMs: number;
  readonly level: number;
}

export const OCF_SUCCESS = 0;
export const OCF_NOT_INSTALLED = 5;
export const OCF_NOT_RUNNING = 7;
export const OCF_RUNNING_PROMOTED = 8;
export const OCF_FAILED_PROMOTED = 9;

const MEANINGS: Readonly<Record<number, string>> = {
  1: 'it failed',
  2: 'its arguments are wrong',
  3: 'it cannot do that',
  4: 'it lacks permission',
  [OCF_NOT_INSTALLED]: 'something it needs is not installed',
  6: 'its configuration is wrong',
  [OCF_NOT_RUNNING]: 'it is not running',
  [OCF_RUNNING_PROMOTED]: 'it runs promoted',
  [OCF_FAILED_PROMOTED]: 'it failed while promoted',
};

export interface OcfOutcome {
  /** Null when it was killed, timed out or could not be started. */
  readonly code: number | null;
  /** A sentence for the operator: what its exit code means and the last thing it said. */
  readonly reason: string;
}

const pathOf = ({ provider, name }: OcfName): string => join(OCF_ROOT, 'resource.d', provider, name);

/** Is the agent itself on this machine? */
export function isInstalled(
  { world }: Pick<Hands, 'world'>,
  name: OcfName,
  done: (isHere: boolean) => void,
): void {
  world.files.readFile(pathOf(name), (content) => done(content !== undefined));
}

export function runOcf(
  hands: Hands,
  { provider, name }: OcfName,
  job: Job<OcfParams>,
  action: OcfAction,
  done: (outcome: OcfOutcome) => void,
): void {
  const path = pathOf({ provider, name });
  const env = { ...environment({ provider, name }, job, action), ...standIn(hands) };
  const timeoutMs = Math.max(1, action.timeoutMs);
  const order = { command: [path, action.verb] as const, env, timeoutMs, captureBytes: SAID_BYTES_MAX };
  hands.world.processes.spawn({ ...order, directory: '/' }, (exit) => {
    const { code, stderr, stdout, timedOut, signal, startError } = exit;
    const said = (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '';
    const meaning =
      startError !== undefined
        ? `ocf:${provider}:${name} cannot be run: ${startError.message}`
        : timedOut
          ? `${action.verb} took longer than ${action.timeoutMs} ms`
          : `${action.verb}: ${MEANINGS[code ?? -1] ?? `it ended with ${signal ?? code}`}`;
    done({ code: timedOut ? null : code, reason: said === '' ? meaning : `${meaning} (${said})` });
  });
}

/** Where the tools of Pacemaker are that agents call: they keep attributes (`shims/attributes`), and ask this node's daemons (`shims/ask`). */
export function standIn({ dir, node }: Hands): Record<string, string> {
  return {
    PATH: `${SHIMS}:${SYSTEM_PATH}`,
    HA_SBIN_DIR: SHIMS,
    ETERNE_OCF_REBOOT: passingAttributesFolder(dir),
    ETERNE_OCF_FOREVER: join(dir, 'ocf-attributes'),
    ETERNE_OCF_NODE: node,
    ETERNE_OCF_RUNTIME: process.execPath,
    ETERNE_OCF_PROGRAM: QUESTIONS,
    ETERNE_OCF_DIR: dir,
    ETERNE_OCF_CODE: process.env['NODE_COMPILE_CACHE'] ?? codeCacheFolder(dir),
  };
}

function environment(
  { provider, name }: OcfName,
  job: Job<OcfParams>,
  { verb, timeoutMs, intervalMs, level }: OcfAction,
): Record<string, string> {
  const { spec, params } = job;
  const own = Object.entries(params.params).map(([key, value]) => [`OCF_RESKEY_${key}`, value] as const);
  return {
    PATH: SYSTEM_PATH,
    LC_ALL: 'C',
    // Agents that are no bash scripts run one by it (`crm_mon_no_validation`).
    SHELL: '/bin/bash',
    ...markOf(job),
    OCF_ROOT,
    OCF_RA_VERSION_MAJOR: '1',
    OCF_RA_VERSION_MINOR: '1',
    OCF_RESOURCE_INSTANCE: `${spec.group}-${spec.name}`,
    OCF_RESOURCE_TYPE: name,
    OCF_RESOURCE_PROVIDER: provider,
    OCF_RESKEY_crm_feature_set: '3.0.1',
    OCF_RESKEY_CRM_meta_name: verb,
    OCF_RESKEY_CRM_meta_timeout: String(timeoutMs),
    OCF_RESKEY_CRM_meta_interval: String(intervalMs),
    ...(params.role === 'promoted' ? PROMOTABLE : {}),
    ...(verb === 'monitor' ? { OCF_CHECK_LEVEL: String(level) } : {}),
    ...Object.fromEntries(own),
  };
}

/** One instance in the cluster, and that one promoted: the group's owner. */
const PROMOTABLE: Readonly<Record<string, string>> = {
  OCF_RESKEY_CRM_meta_clone: '0',
  OCF_RESKEY_CRM_meta_clone_max: '1',
  OCF_RESKEY_CRM_meta_clone_node_max: '1',
  OCF_RESKEY_CRM_meta_promotable: 'true',
  OCF_RESKEY_CRM_meta_promoted_max: '1',
  OCF_RESKEY_CRM_meta_promoted_node_max: '1',
  OCF_RESKEY_CRM_meta_master_max: '1',
  OCF_RESKEY_CRM_meta_notify: 'false',
  // A blank is Pacemaker's empty list: `pgsql` takes its lock away only when it knows of no other instance.
  OCF_RESKEY_CRM_meta_notify_slave_uname: ' ',
};
