/**
 * Hosts that each run a real corosync and Pacemaker, with folders and processes of their own, and a fence device that works: whoever fences a
 * host has its processes killed by this lab.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  type WriteFileOptions,
} from 'node:fs';
import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { Lab, hostsMissing, type Host } from './hosts.ts';

const PROGRAMS = ['/usr/sbin/corosync', '/usr/sbin/pacemakerd', '/usr/sbin/crm_mon'];
const EXECUTABLE: WriteFileOptions = { mode: 0o755 };
const POLL_MS = 100;

/** Why this cannot run here; undefined when it can. */
export function pacemakerMissing(): string | undefined {
  const absent = PROGRAMS.find((path) => !existsSync(path));
  return absent === undefined ? hostsMissing() : `needs pacemaker and corosync (${absent})`;
}

export class PacemakerLab {
  readonly #lab: Lab;
  readonly #folder: string;
  readonly #running = new Map<string, ChildProcess>();
  #isOver = false;

  /** `folder` is removed by the caller. */
  constructor(folder: string, names: readonly string[]) {
    this.#folder = folder;
    this.#lab = new Lab(names);
    for (const name of ['fence', 'agents/eterne']) mkdirSync(join(folder, name), { recursive: true });
    symlinkSync(join(repositoryRoot, 'packaging/ocf/eterne/mirror'), join(folder, 'agents/eterne/mirror'));
    writeFileSync(join(folder, 'fence_lab'), FENCE_AGENT(join(folder, 'fence')), EXECUTABLE);
    writeFileSync(join(folder, 'corosync.conf'), corosyncConf(this.#lab.hosts));
    writeFileSync(join(folder, 'boot'), BOOT(folder), EXECUTABLE);
    void this.#fenceOnRequest();
  }

  host(name: string): Host {
    return this.#lab.host(name);
  }

  boot(name: string): void {
    const child = this.host(name).start(join(this.#folder, `${name}.log`), join(this.#folder, 'boot'), name);
    this.#running.set(name, child);
  }

  /** Runs one of Pacemaker's tools on the host; its exit code and what it printed. */
  tool(
    name: string,
    ...command: readonly string[]
  ): { readonly code: number | null; readonly stdout: string } {
    const pid = this.#running.get(name)?.pid ?? -1;
    const [init] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    const words = ['--target', init ?? '', '--mount', '--net', '--pid', '--', ...command];
    const { status, stdout } = spawnSync('nsenter', words, { encoding: 'utf8' });
    return { code: status, stdout };
  }

  /** Power off: everything on the host is gone at once. */
  async kill(name: string): Promise<void> {
    const child = this.#running.get(name);
    this.#running.delete(name);
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    process.kill(-child.pid, 'SIGKILL');
    await ended;
  }

  async remove(): Promise<void> {
    this.#isOver = true;
    for (const { name } of this.#lab.hosts) await this.kill(name);
    this.#lab.remove();
  }

  async #fenceOnRequest(): Promise<void> {
    const requests = join(this.#folder, 'fence');
    while (!this.#isOver) {
      for (const file of readdirSync(requests).filter((name) => name.endsWith('.off'))) {
        await this.kill(file.slice(0, -'.off'.length));
        rmSync(join(requests, file));
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** Options on stdin, as fenced gives them. A host is off when the request for it has been taken away. */
const FENCE_AGENT = (requests: string): string => `#!/bin/bash
while read -r line; do case "$line" in action=*) action=\${line#*=};; port=*|plug=*|nodename=*) node=\${line#*=};; esac; done
case "$action" in
  metadata) cat <<'XML'
<?xml version="1.0" ?>
<resource-agent name="fence_lab" shortdesc="fences hosts of a test lab"><longdesc/><parameters>
<parameter name="action"><content type="string" default="off"/></parameter>
<parameter name="plug"><content type="string"/></parameter></parameters><actions><action name="off"/>
<action name="reboot"/><action name="monitor"/><action name="metadata"/></actions></resource-agent>
XML
  ;;
  off|reboot) touch "${requests}/$node.off"; while [ -e "${requests}/$node.off" ]; do sleep 0.1; done;;
esac
`;

const nodeEntry = ({ name, address }: Host, index: number): string => `  node {
    ring0_addr: ${address}
    name: ${name}
    nodeid: ${index + 1}
  }
`;

const corosyncConf = (hosts: readonly Host[]): string => `totem {
  version: 2
  cluster_name: lab
  transport: udpu
  token: 5000
}
nodelist {
${hosts.map(nodeEntry).join('')}}
quorum {
  provider: corosync_votequorum
  two_node: 1
}
system {
  move_to_root_cgroup: no
  sched_rr: no
}
logging {
  to_stderr: yes
  to_syslog: no
}
`;

/** A host's own view: fresh folders for corosync and Pacemaker, the agents of this tree, its own process tree. */
const BOOT = (folder: string): string => `#!/bin/bash
exec unshare --mount --pid --fork --kill-child --mount-proc --propagation private bash -c '
  set -e
  for place in /run /dev/shm /var/lib/pacemaker /var/lib/corosync /var/log/pacemaker /etc/corosync; do mkdir -p $place; mount -t tmpfs -o mode=755 none $place; done
  chmod 1777 /dev/shm
  for place in cib pengine cores blackbox; do mkdir /var/lib/pacemaker/$place; done
  chown -R hacluster:haclient /var/lib/pacemaker /var/log/pacemaker
  chmod 750 /var/lib/pacemaker /var/lib/pacemaker/*
  mkdir -p /run/lock /run/resource-agents ${folder}/state-$0/cib
  chown hacluster:haclient ${folder}/state-$0/cib
  mount --bind ${folder}/state-$0/cib /var/lib/pacemaker/cib
  mount --bind ${folder}/agents /usr/lib/ocf/resource.d
  mkdir -p ${folder}/own; mount -t tmpfs none ${folder}/own; cp ${folder}/$0.yaml ${folder}/own/config.yaml
  mount --bind ${folder}/fence_lab /usr/sbin/fence_dummy
  cp ${folder}/corosync.conf /etc/corosync/
  corosync -f &
  export PCMK_logfile=${folder}/$0.pacemaker PCMK_logfacility=none
  until corosync-cfgtool -s >/dev/null 2>&1; do sleep 0.1; done
  exec pacemakerd
' "$1"
`;
