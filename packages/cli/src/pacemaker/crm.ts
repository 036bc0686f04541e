/** Pacemaker's own tools, as far as the agent needs them. */
import { EterneError } from '@eterne/base';
import type { ProcessExit, Processes } from '@eterne/runtime';
import { parseMembership, type Membership } from './membership.ts';

const TOOL_TIMEOUT_MS = 15_000;
const OUTPUT_BYTES_MAX = 1024 * 1024;
/** CRM_EX_NOSUCH: the attribute is not there. */
const NO_SUCH = 105;

type Tool = readonly [string, ...string[]];

export class Crm {
  readonly #processes: Processes;

  constructor(processes: Processes) {
    this.#processes = processes;
  }

  async ownName(): Promise<string> {
    return (await this.#must(['crm_node', '--name'])).stdout.trim();
  }

  async membership(): Promise<Membership> {
    const tool: Tool = ['crm_mon', '--one-shot', '--output-as=xml', '--exclude=all', '--include=dc,nodes'];
    return parseMembership((await this.#must(tool)).stdout);
  }

  /** The promotion score of this node for the resource in `OCF_RESOURCE_INSTANCE`; null takes it away. */
  async setScore(score: number | null): Promise<void> {
    const change = score === null ? ['--delete'] : ['--update', String(score)];
    const exit = await this.#run(['crm_attribute', '--promotion', '--lifetime', 'reboot', ...change]);
    if (exit.code !== 0 && exit.code !== NO_SUCH) throw failed(['crm_attribute'], exit);
  }

  /** The in-sync set's version at which `node` was shut out of `volume`; undefined: it was not. */
  async markOf(volume: string, node: string): Promise<string | undefined> {
    const tool: Tool = ['crm_attribute', ...attribute(volume, node), '--query', '--quiet'];
    const exit = await this.#run(tool);
    if (exit.code === NO_SUCH) return undefined;
    if (exit.code !== 0) throw failed(tool, exit);
    return exit.stdout.trim();
  }

  async mark(volume: string, node: string, version: string): Promise<void> {
    await this.#must(['crm_attribute', ...attribute(volume, node), '--update', version]);
  }

  /** Only while it still has this value: a newer loss has written another one. */
  async unmark(volume: string, node: string, version: string): Promise<void> {
    const pair = `nvpair[@name='${markName(volume)}' and @value='${version}']`;
    const tool: Tool = [
      'cibadmin',
      '--delete',
      '--xpath',
      `//node[@uname='${node}']/instance_attributes/${pair}`,
    ];
    const exit = await this.#run(tool);
    if (exit.code !== 0 && exit.code !== NO_SUCH) throw failed(tool, exit);
  }

  async #must(tool: Tool): Promise<ProcessExit> {
    const exit = await this.#run(tool);
    if (exit.code !== 0) throw failed(tool, exit);
    return exit;
  }

  #run(command: Tool): Promise<ProcessExit> {
    return new Promise((resolve) => {
      const order = { command, timeoutMs: TOOL_TIMEOUT_MS, captureBytes: OUTPUT_BYTES_MAX };
      this.#processes.spawn(order, resolve);
    });
  }
}

const markName = (volume: string): string => `eterne-outdated-${volume}`;

/** Permanent, and of the configuration: it must outlive every restart of the node it is about. */
function attribute(volume: string, node: string): readonly string[] {
  return ['--type', 'nodes', '--node', node, '--name', markName(volume)];
}

function failed([program]: Tool, exit: ProcessExit): EterneError {
  const said = exit.stderr.trim().split('\n').at(-1) ?? '';
  const how = exit.startError?.message ?? `${program} ended with ${exit.signal ?? exit.code}`;
  return new EterneError('io', said === '' ? how : `${how}: ${said}`);
}
