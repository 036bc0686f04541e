import type { ordersEn } from './orders-en.ts';

export const ordersZh: typeof ordersEn = {
  confirmByName: (name) => `此操作无法撤销。请输入名称以继续：${name}`,

  toMaintenance: '维护',
  confirmMaintenance: (node) =>
    `开始维护 ${node}？其上运行的一切保持原样；恢复使用前，即使它失联也不采取任何动作。`,
  fence: '强制断电',
  confirmFence: (node) => `现在用隔离设备切断 ${node} 的电源？其上运行的一切立即终止，并在其他节点启动。`,
  saidOff: '它已关机',
  confirmSaidOff: (node) =>
    `您确认 ${node} 已经关机？它所承载的一切会立即在其他节点启动。若它其实仍在运行，两侧会同时写入：请先查看再确认。`,
  saidOffAnyway: '即使它比本节点知道得更多也继续',
  removeNode: '移除',
  confirmRemoveNode: (node) => `将 ${node} 移出群集？它不得承载任何资源组和副本；若要回来须重新加入。`,
  removeIsOff: '它已关机，并将保持关机',

  deleteGroup: '删除',
  confirmDeleteGroup: (group) => `删除 ${group}？群集将不再记得如何运行它；其镜像卷及其中的数据保留。`,
  deleteVolume: '删除',
  confirmDeleteVolume: (volume) => `删除 ${volume}？它不再被镜像；各设备上的数据保留。`,
  acceptLoss: '以此副本继续',
  confirmAcceptLoss: (volume, node) =>
    `以 ${node} 上 ${volume} 的副本继续？它可能缺少已确认的写入：卷中将不再有这些写入，拥有它们的副本会被覆盖。`,

  logToEtcd: '将日志移入 etcd',
  confirmLogToEtcd: '将群集的决策日志移入已配置的 etcd？资源组继续运行，数据读写会短暂停顿。',
  logToNodes: '将日志移回节点',
  confirmLogToNodes: '将群集的决策日志从 etcd 移回各节点？资源组继续运行，数据读写会停顿至多几秒。',
  logIsIn: { embedded: '日志由各节点保存。', etcd: '日志保存在 etcd 中。' },
  logMoves: '日志正在迁移。',
};
