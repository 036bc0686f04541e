/** Warnings are English sentences; those that are met most often are made anew in Chinese. What stands behind a colon is why, in the words of whoever noticed. */
import type { Language } from './languages.ts';

type Say = (...parts: string[]) => string;

const CHINESE: readonly (readonly [RegExp, Say])[] = [
  [/^(\S+) is not heard\.$/, (node) => `${node} 失联。`],
  [
    /^(\S+) is seen on a heartbeat disk only: it lives, and no message reaches it\.$/,
    (node) => `${node} 只能经心跳磁盘看到：它还在运行，但消息到不了。`,
  ],
  [/^Volume (\S+) is not in sync on (.+)\.$/, (volume, nodes) => `镜像卷 ${volume} 在 ${nodes} 上未同步。`],
  [
    /^Volume (\S+) is not followed by the copy on (\S+)\.$/,
    (volume, node) => `镜像卷 ${volume} 在 ${node} 上的副本没有跟上。`,
  ],
  [
    /^Volume (\S+) has a split brain \((.+?)\): .*$/,
    (volume, nodes) => `镜像卷 ${volume} 发生脑裂（${nodes}）：请打开该卷的页面查看两侧的改动。`,
  ],
  [
    /^Group (\S+) has no node that would take it over now\.$/,
    (group) => `资源组 ${group} 目前没有节点可以接管。`,
  ],
  [
    /^This node is not in contact with a majority: it may not start anything\.$/,
    () => '此节点与法定多数失去联系：不得启动任何服务。',
  ],
  [
    /^The whole cluster is in maintenance: nothing is done about any group\.$/,
    () => '整个群集处于维护中：不对任何资源组动作。',
  ],
  [
    /^(?:One voter|Two voters) cannot outvote a loss; add a witness, a third node or a tie-breaker\.$/,
    () => '票数不足以承受一次失联：请添加仲裁、第三个节点或决胜手段。',
  ],
  [/^(\S+) does not vote yet: it has to catch up first\.$/, (node) => `${node} 尚未参与表决：须先赶上进度。`],
  [/^(\S+) has no watchdog: (.+)$/, (node, why) => `${node} 没有看门狗：${why}`],
  [/^(\S+) has no heartbeat over a disk: (.+)$/, (node, why) => `${node} 没有磁盘心跳：${why}`],
  [/^(\S+) goes on alone: (.+)$/, (node, why) => `${node} 独自继续运行：${why}`],
  [/^The tie-breaker does not answer (\S+): (.+)$/, (node, why) => `决胜手段对 ${node} 没有应答：${why}`],
  [
    /^The replica of (\S+) on (\S+) is not open: (.+)$/,
    (volume, node, why) => `镜像卷 ${volume} 在 ${node} 上的副本打不开：${why}`,
  ],
  [
    /^Catching up: this node has just started .*$/,
    () => '正在赶上进度：此节点刚刚启动，尚不知道群集其间的决定。',
  ],
];

/** One that is not known stays as it is: nothing of it may be lost. */
export function warningText(warning: string, language: Language): string {
  if (language === 'en') return warning;
  for (const [pattern, say] of CHINESE) {
    const found = pattern.exec(warning);
    if (found !== null) return say(...found.slice(1));
  }
  return warning;
}
