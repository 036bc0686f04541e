/** `eterne pacemaker …`: what Pacemaker calls, by the agent in packaging/ocf and by `peerLost.command`. Exit codes are those of the OCF API. */
import { EterneError } from '@eterne/base';
import type { VolumeConfig } from '@eterne/disk/engine/api.ts';
import type { DiskConfig } from '@eterne/disk/process/config.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import type { Command } from 'commander';
import { Control } from '../disk/control.ts';
import { loadConfig } from '../disk/load-config.ts';
import { MirrorAgent } from './agent.ts';
import { failure, OCF_ERR_ARGS, OCF_ERR_CONFIGURED, SUCCESS, type Outcome } from './codes.ts';
import { Crm } from './crm.ts';
import { DiskProcess } from './disk-process.ts';
import { AGENT_METADATA } from './metadata.ts';
import { settlePeerLoss } from './peer-lost.ts';

const TIMEOUT_MS_DEFAULT = 20_000;

const log = (message: string): void => void process.stderr.write(`${message}\n`);

export function pacemakerCommand(program: Command): void {
  const pacemaker = program
    .command('pacemaker')
    .description('what Pacemaker calls; see docs/start/pacemaker.md');
  pacemaker
    .command('agent')
    .description('the resource agent ocf:eterne:mirror; parameters in the environment')
    .argument('<action>')
    .action(async (action: string) => {
      const { code, reason } = await runAgent(action);
      if (reason !== undefined) log(reason);
      // The disk process that a start leaves behind keeps its parent's event loop busy.
      process.exit(code);
    });
  pacemaker
    .command('peer-lost')
    .description('mark replicas that the primary is about to go on without; ends when that is done')
    .argument('<volume>')
    .argument('<version>', 'of the in-sync set')
    .argument('<lost...>', 'nodes')
    .action(async (volume: string, version: string, lost: string[]) => {
      const world = createNodeWorld('peer-lost');
      await settlePeerLoss(new Crm(world.processes), world.timers, { volume, version, lost }, log);
    });
}

async function runAgent(action: string): Promise<Outcome> {
  if (action === 'meta-data') {
    process.stdout.write(AGENT_METADATA);
    return SUCCESS;
  }
  const path = parameter('config');
  if (path === undefined) return { code: OCF_ERR_CONFIGURED, reason: 'the parameter config is missing' };
  const world = createNodeWorld('pacemaker');
  try {
    const config = await loadConfig(world, path);
    const volume = chosenVolume(config, parameter('volume'));
    const agent = new MirrorAgent({
      volume,
      control: new Control(config.controlPath),
      disk: new DiskProcess(world, path, config),
      crm: new Crm(world.processes),
      timeoutMs: Number(parameter('CRM_meta_timeout') ?? TIMEOUT_MS_DEFAULT),
      isProbe: (parameter('CRM_meta_interval') ?? '0') === '0',
      log,
    });
    return await agent.run(action);
  } catch (error) {
    if (!(error instanceof EterneError)) throw error;
    if (error.code === 'usage') return { code: OCF_ERR_ARGS, reason: error.message };
    return error.code === 'config'
      ? { code: OCF_ERR_CONFIGURED, reason: error.message }
      : failure(error.message);
  }
}

function parameter(name: string): string | undefined {
  return process.env[`OCF_RESKEY_${name}`];
}

function chosenVolume({ volumes }: DiskConfig, name: string | undefined): VolumeConfig {
  const named = volumes.filter(({ config }) => name === undefined || config.name === name);
  const [chosen] = named;
  if (chosen !== undefined && named.length === 1) return chosen.config;
  const problem = name === undefined ? 'the parameter volume must name one of them' : `there is no ${name}`;
  throw new EterneError('config', `the configuration has ${volumes.length} volumes: ${problem}`);
}
