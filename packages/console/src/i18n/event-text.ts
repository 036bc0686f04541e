/** Events carry an English sentence and a stable code; in Chinese the sentence is made anew from the code where it is known. */
import type { ClusterEvent } from '../api/types.ts';
import type { Language } from './languages.ts';

type Say = (event: ClusterEvent) => string;

/** Whole: `test/event-text.test.ts` looks for codes that are not here. */
const CHINESE: Readonly<Record<string, Say>> = {
  'account.changed': () => '账户已保存',
  'account.removed': () => '账户已删除',
  'cluster.active': () => '群集维护结束',
  'cluster.created': () => '群集已创建',
  'cluster.leader': ({ node }) => `${node} 成为主控`,
  'cluster.level': () => '群集功能级别已提升',
  'cluster.log': () => '有序日志的迁移有进展',
  'cluster.maintenance': () => '整个群集进入维护',
  'cluster.profile': () => '心跳参数切换已完成',
  'config.changed': () => '配置已更改',
  'fence.assigned': ({ node }) => `已指派成员隔离 ${node}`,
  'fence.cancelled': ({ node }) => `对 ${node} 的隔离已取消`,
  'fence.failed': ({ node }) => `隔离 ${node} 失败`,
  'fence.requested': ({ node }) => `要求隔离 ${node}`,
  'group.active': ({ group }) => `资源组 ${group} 维护结束`,
  'group.assigned': ({ group, node }) => `资源组 ${group} 分配给 ${node}`,
  'group.blocked': ({ group, node }) => `资源组 ${group} 在 ${node} 上受阻`,
  'group.changed': ({ group }) => `资源组 ${group} 的配置已更改`,
  'group.created': ({ group }) => `资源组 ${group} 已创建`,
  'group.deleted': ({ group }) => `资源组 ${group} 已删除`,
  'group.expired': ({ group, node }) => `资源组 ${group} 在 ${node} 上的租约已过期`,
  'group.failed': ({ group }) => `资源组 ${group} 失败`,
  'group.maintenance': ({ group }) => `资源组 ${group} 进入维护`,
  'group.move': ({ group }) => `资源组 ${group} 要求切换`,
  'group.online': ({ group, node }) => `资源组 ${group} 在 ${node} 上线`,
  'group.released': ({ group, node }) => `${node} 已释放资源组 ${group}`,
  'group.start': ({ group }) => `要求启动资源组 ${group}`,
  'group.starting': ({ group, node }) => `资源组 ${group} 正在 ${node} 上启动`,
  'group.stop': ({ group }) => `要求停止资源组 ${group}`,
  'group.stopped': ({ group, node }) => `资源组 ${group} 在 ${node} 上已停止`,
  'group.stopping': ({ group, node }) => `资源组 ${group} 正在 ${node} 上停止`,
  'group.takeover': ({ group, node }) => `${node} 接管资源组 ${group}`,
  'group.unplaceable': ({ group }) => `没有节点可以运行资源组 ${group}`,
  'node.active': ({ node }) => `${node} 恢复使用`,
  'node.addresses': ({ node }) => `${node} 的地址已更改`,
  'node.cut-off': ({ node }) => `${node} 只能经心跳磁盘看到`,
  'node.joined': ({ node }) => `${node} 加入群集`,
  'node.leaving': ({ node }) => `${node} 正在离开`,
  'node.lost': ({ node }) => `${node} 失联`,
  'node.maintenance': ({ node }) => `${node} 进入维护`,
  'node.online': ({ node }) => `${node} 在线`,
  'node.removed': ({ node }) => `${node} 已移出群集`,
  'node.standby': ({ node }) => `${node} 进入待机`,
  'node.stopped': ({ node }) => `已确认 ${node} 停机`,
  'node.trouble': ({ node }) => `${node} 的运行基础出现问题`,
  'node.trouble-over': ({ node }) => `${node} 的一个问题已消除`,
  'node.started': ({ node }) => `${node} 已启动`,
  'node.watchdog-armed': ({ node }) => `${node} 的看门狗已启用`,
  'node.watchdog-off': ({ node }) => `${node} 的看门狗已关闭`,
  'pair.alone': ({ node }) => `${node} 独自继续运行`,
  'pair.parted': () => '两个节点曾各自继续运行，记录不一致',
  'pair.whole': () => '两个节点重新一致',
  'resource.failed': ({ group, node }) => `资源组 ${group} 的资源在 ${node} 上失败`,
  'volume.changed': ({ volume }) => `镜像卷 ${volume} 的配置已更改`,
  'volume.created': ({ volume }) => `镜像卷 ${volume} 已创建`,
  'volume.deleted': ({ volume }) => `镜像卷 ${volume} 已删除`,
  'volume.grown': ({ volume }) => `镜像卷 ${volume} 已扩容`,
  'volume.loss-accepted': ({ volume }) => `已接受镜像卷 ${volume} 可能的数据损失`,
  'volume.ordered': ({ volume }) => `对镜像卷 ${volume} 下达了命令`,
  'volume.promoted': ({ volume, node }) => `${node} 成为镜像卷 ${volume} 的主节点`,
  'volume.set': ({ volume }) => `镜像卷 ${volume} 的同步集已变更`,
};

export const knowsEvent = (code: string): boolean => code in CHINESE;

/** `detail`: the original sentence, when the headline is a translation that may say less. */
export function eventText(
  event: ClusterEvent,
  language: Language,
): { headline: string; detail: string | null } {
  const say = language === 'zh' ? CHINESE[event.code] : undefined;
  return say ? { headline: say(event), detail: event.message } : { headline: event.message, detail: null };
}
