/**
 * `ocf:eterne:mirror`: one mirrored volume as a promotable resource of Pacemaker (packaging/ocf). The disk process is the resource's
 * instance, primary is promoted.
 *
 * A promotion is safe without a person because of three things together: the primary goes on without a lost replica only after the
 * loss is marked (`peer-lost.ts`); Pacemaker promotes elsewhere only after the old primary is stopped or fenced; and a marked
 * replica is not promoted before the mark is gone, which the primary takes away once the replica is in the in-sync set again.
 */
import { EterneError } from '@eterne/base';
import type { VolumeConfig, VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { Control } from '../disk/control.ts';
import {
  failure,
  OCF_ERR_CONFIGURED,
  OCF_ERR_UNIMPLEMENTED,
  OCF_NOT_RUNNING,
  OCF_RUNNING_PROMOTED,
  SUCCESS,
  type Outcome,
} from './codes.ts';
import type { Crm } from './crm.ts';
import type { DiskProcess } from './disk-process.ts';
import { scoreOf, standingOf } from './standing.ts';

export interface AgentParts {
  readonly volume: VolumeConfig;
  readonly control: Control;
  readonly disk: DiskProcess;
  readonly crm: Crm;
  readonly timeoutMs: number;
  /** A monitor that looks whether the resource happens to run, and changes nothing. */
  readonly isProbe: boolean;
  readonly log: (message: string) => void;
}

export class MirrorAgent {
  readonly #parts: AgentParts;

  constructor(parts: AgentParts) {
    this.#parts = parts;
  }

  async run(action: string): Promise<Outcome> {
    switch (action) {
      case 'validate-all':
        return this.#validate();
      case 'start':
        return this.#start();
      case 'stop':
        return this.#stop();
      case 'monitor':
      case 'status':
        return this.#monitor();
      case 'promote':
        return this.#promote();
      case 'demote':
        return this.#demote();
      default:
        return { code: OCF_ERR_UNIMPLEMENTED, reason: `there is no action ${action}` };
    }
  }

  /** Marks are kept under the node's name, so the cluster and the mirror must call it the same. */
  async #validate(): Promise<Outcome> {
    const { volume, crm } = this.#parts;
    if (volume.onPeerLost === 'continue')
      return {
        code: OCF_ERR_CONFIGURED,
        reason: `volume ${volume.name}: onPeerLost must be ask (or freeze): with continue a stale replica could be promoted`,
      };
    if (volume.onPeerLost === 'freeze') return SUCCESS;
    const name = await crm.ownName();
    if (name === volume.node) return SUCCESS;
    return {
      code: OCF_ERR_CONFIGURED,
      reason: `the configuration is for node ${volume.node}, and Pacemaker calls this node ${name}`,
    };
  }

  async #start(): Promise<Outcome> {
    const problem = await this.#validate();
    if (problem.code !== SUCCESS.code) return problem;
    const { disk } = this.#parts;
    if (!(await disk.isAlive())) await disk.start();
    for (;;) {
      const status = await this.#status();
      if (status !== undefined && status.disk !== 'Attaching') return this.#report(status, SUCCESS);
      if (!(await disk.isAlive())) return failure(`the disk process did not start: see ${disk.logPath}`);
      await disk.pause();
    }
  }

  async #stop(): Promise<Outcome> {
    const { disk, timeoutMs } = this.#parts;
    const isStopped = await disk.stop(timeoutMs);
    await this.#setScore(null);
    if (!isStopped) return failure('the disk process does not end');
    // Whoever runs it without the agent has to stop it: a resource that is called stopped must not write.
    if ((await this.#status()) === undefined) return SUCCESS;
    return failure('the disk process was started by somebody else, and still runs');
  }

  async #monitor(): Promise<Outcome> {
    const status = await this.#status();
    if (status === undefined) {
      const isAlive = await this.#parts.disk.isAlive();
      return isAlive ? failure('the disk process does not answer') : { code: OCF_NOT_RUNNING };
    }
    const outcome = status.role === 'primary' ? { code: OCF_RUNNING_PROMOTED } : SUCCESS;
    return this.#parts.isProbe ? outcome : this.#report(status, outcome);
  }

  async #promote(): Promise<Outcome> {
    const { volume, control } = this.#parts;
    const status = await this.#status();
    if (status === undefined) return { code: OCF_NOT_RUNNING };
    const standing = standingOf(status);
    if (standing === 'primary') return SUCCESS;
    if (standing === 'unless-marked' && (await this.#mayBeStale())) {
      await this.#setScore(null);
      return failure('another replica may have gone on without this one: this copy may not be the newest');
    }
    await control.post(volume.name, 'promote', { force: standing === 'unless-marked' });
    await this.#setScore(scoreOf('primary', false));
    return SUCCESS;
  }

  async #demote(): Promise<Outcome> {
    const { volume, control } = this.#parts;
    const status = await this.#status();
    if (status === undefined) return { code: OCF_NOT_RUNNING };
    if (status.role === 'primary') await control.post(volume.name, 'demote', {});
    return SUCCESS;
  }

  /** The volume, once its disk process answers for it. */
  async #status(): Promise<VolumeStatus | undefined> {
    try {
      return (await this.#parts.control.status(this.#parts.volume.name)).volumes[0];
    } catch (error) {
      if (error instanceof EterneError && ['unreachable', 'timeout'].includes(error.code)) return undefined;
      throw error;
    }
  }

  async #report(status: VolumeStatus, outcome: Outcome): Promise<Outcome> {
    const standing = standingOf(status);
    if (standing === 'primary') await this.#unmarkMembers(status);
    const mayBeStale = standing === 'unless-marked' && (await this.#mayBeStale());
    await this.#setScore(scoreOf(standing, mayBeStale));
    return outcome;
  }

  /** Of a Consistent replica. Without marks (`freeze`) nobody can tell. */
  async #mayBeStale(): Promise<boolean> {
    const { crm, volume } = this.#parts;
    return volume.onPeerLost !== 'ask' || (await crm.markOf(volume.name, volume.node)) !== undefined;
  }

  /** A mark is older than the set that has its node in again; one that was written since has another value, and stays. */
  async #unmarkMembers({ inSyncSet, setVersion }: VolumeStatus): Promise<void> {
    const { crm, volume } = this.#parts;
    if (volume.onPeerLost !== 'ask') return;
    for (const node of Object.keys(volume.peers)) {
      if (!inSyncSet.includes(node)) continue;
      const version = await crm.markOf(volume.name, node);
      if (version !== undefined && Number(version) < setVersion) await crm.unmark(volume.name, node, version);
    }
  }

  /** A score that cannot be set keeps the volume from being promoted, not from serving: said, and tried again by the next monitor. */
  async #setScore(score: number | null): Promise<void> {
    try {
      await this.#parts.crm.setScore(score);
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      this.#parts.log(`the promotion score cannot be set: ${error.message}`);
    }
  }
}
