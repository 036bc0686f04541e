/** Events carry an English sentence and a stable code; in Chinese the sentence is made anew from the code where it is known. */
import type { ClusterEvent } from '../api/types.ts';
import type { Language } from './language.tsx';

type Say = (event: ClusterEvent) => string;

const CHINESE: Readonly<Record<string, Say>> = {
  'account.changed': () => '账户已保存',
  'account.removed': () => '账户已删除',
  'cluster.created': () => '群集已创建',
  'cluster.leader': ({ node }) => `${node} 成为主控`,
  'config.changed': () => '配置已更改',
  'group.assigned': ({ group, node }) => `资源组 ${group} 分配给 ${node}`,
  'group.deleted': ({ group }) => `资源组 ${group} 已删除`,
  'group.expired': ({ group, node }) => `资源组 ${group} 在 ${node} 上的租约已过期`,
  'group.failed': ({ group }) => `资源组 ${group} 失败`,
  'group.move': ({ group }) => `资源组 ${group} 要求切换`,
  'group.online': ({ group, node }) => `资源组 ${group} 在 ${node} 上线`,
  'group.released': ({ group, node }) => `${node} 已释放资源组 ${group}`,
  'group.start': ({ group }) => `要求启动资源组 ${group}`,
  'group.stop': ({ group }) => `要求停止资源组 ${group}`,
  'group.takeover': ({ group, node }) => `${node} 接管资源组 ${group}`,
  'group.unplaceable': ({ group }) => `没有节点可以运行资源组 ${group}`,
  'node.joined': ({ node }) => `${node} 加入群集`,
  'node.leaving': ({ node }) => `${node} 正在离开`,
  'node.lost': ({ node }) => `${node} 失联`,
  'node.online': ({ node }) => `${node} 在线`,
  'node.removed': ({ node }) => `${node} 已移出群集`,
  'node.trouble': ({ node }) => `${node} 的运行基础出现问题`,
  'node.trouble-over': ({ node }) => `${node} 的一个问题已消除`,
  'node.started': ({ node }) => `${node} 已启动`,
  'resource.failed': ({ group, node }) => `资源组 ${group} 的资源在 ${node} 上失败`,
  'volume.deleted': ({ volume }) => `镜像卷 ${volume} 已删除`,
  'volume.promoted': ({ volume, node }) => `${node} 成为镜像卷 ${volume} 的主节点`,
  'volume.set': ({ volume }) => `镜像卷 ${volume} 的同步集已变更`,
};

/** `detail`: the original sentence, when the headline is a translation that may say less. */
export function eventText(
  event: ClusterEvent,
  language: Language,
): { headline: string; detail: string | null } {
  const say = language === 'zh' ? CHINESE[event.code] : undefined;
  return say ? { headline: say(event), detail: event.message } : { headline: event.message, detail: null };
}
