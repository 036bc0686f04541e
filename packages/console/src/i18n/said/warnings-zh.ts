/** What weakens the cluster. What stands behind a colon may be in the words of whoever noticed. */
import type { Phrase } from './phrases.ts';

export const WARNINGS: readonly Phrase[] = [
  ['Catching up: {why*}', '正在赶上进度：{why}'],
  [
    'this node has just started and does not know yet what the cluster decided meanwhile',
    '此节点刚刚启动，尚不知道群集其间的决定',
  ],
  [
    'The whole cluster is in maintenance: nothing is done about any group',
    '整个群集处于维护中：不对任何资源组动作',
  ],
  [
    '{node} is seen on a heartbeat disk only: it lives, and no message reaches it',
    '{node} 只能经心跳磁盘看到：它还在运行，但消息到不了',
  ],
  ['Group {group} has no node that would take it over now', '资源组 {group} 目前没有节点可以接管'],
  ['Group {group}: {why*}', '资源组 {group}：{why}'],
  [
    'This node is not in contact with a majority: it may not start anything',
    '此节点与法定多数失去联系：不得启动任何服务',
  ],
  [
    '{node} is no member of this cluster any more: stop it. It joins anew from an empty folder.',
    '{node} 已不再是此群集的成员：请将其停止，清空其数据目录后方可重新加入。',
  ],
  [
    'There is no tie-breaker: {node} starts nothing before {other} is back; if it never will be: `{command*}`',
    '没有决胜手段：{other} 恢复之前，{node} 不启动任何服务；若其不再恢复：`{command}`',
  ],
  [
    'If {node} is certain to be off, say so here: `{command*}`',
    '若 {node} 确定已关机，请在此声明：`{command}`',
  ],
  [
    'One voter cannot outvote a loss; add a witness, a third node or a tie-breaker',
    '只有一票，承受不了一次失联：请添加仲裁、第三个节点或决胜手段',
  ],
  [
    'Two voters cannot outvote a loss; add a witness, a third node or a tie-breaker',
    '只有两票，承受不了一次失联：请添加仲裁、第三个节点或决胜手段',
  ],
  [
    'Nor could one of them go on by an operator’s word while tieBreaker is { kind: witness } and none has joined; { kind: none } allows that',
    '在 tieBreaker 为 { kind: witness } 且尚无仲裁加入期间，任何一方也不能凭操作员指令独自继续运行；{ kind: none } 则允许',
  ],
  [
    '{node} was told to go on without what {other} has decided, and neither believes the other any more: {self} may not start anything. It has to join anew from an empty folder.',
    '{node} 已按操作员指令舍弃 {other} 所作的决定而继续运行，双方不再互信：{self} 不得启动任何服务，必须清空数据目录后重新加入。',
  ],
  [
    '{node} was told to go on without what {other} may have decided, and does not believe it any more: {same} has to join anew from an empty folder, or to be removed.',
    '{node} 已按操作员指令舍弃 {other} 可能作出的决定而继续运行，不再信任它：{same} 必须清空数据目录后重新加入，或被移除。',
  ],
  ['{node} does not vote yet: it has to catch up first', '{node} 尚未参与表决：须先赶上进度'],
  ['{node} has no watchdog: {why*}', '{node} 没有看门狗：{why}'],
  ['{node} has no heartbeat over a disk: {why*}', '{node} 没有磁盘心跳：{why}'],
  ['{node} goes on alone: {why*}', '{node} 独自继续运行：{why}'],
  ['The tie-breaker does not answer {node}: {why*}', '决胜手段对 {node} 没有应答：{why}'],
  ['The tie-breaker cannot be made: {why*}', '无法建立决胜手段：{why}'],
  ['The fence device of {node} cannot be used from here: {why*}', '从此处无法使用 {node} 的隔离设备：{why}'],
  [
    '{nodes*} runs an older program than the others: the cluster keeps to feature level {level} until everybody knows {highest}',
    '{nodes} 的程序版本比其他成员旧：在全部支持 {highest} 之前，群集保持功能级别 {level}',
  ],
  [
    '{nodes*} run an older program than the others: the cluster keeps to feature level {level} until everybody knows {highest}',
    '{nodes} 的程序版本比其他成员旧：在全部支持 {highest} 之前，群集保持功能级别 {level}',
  ],
  [
    'Both nodes of this pair went on alone, and neither follows the other’s log: they have nothing in common. Remove one of them and join it anew from an empty folder',
    '双机的两个节点曾各自继续运行，日志互不相认：两者没有共同之处。请移除其中一个，清空其数据目录后重新加入',
  ],
  [
    'Both nodes of this pair went on alone, and neither follows the other’s log: {node} was told to, accepting what may be lost. The other has to join anew from an empty folder',
    '双机的两个节点曾各自继续运行，日志互不相认：{node} 是奉命继续，并接受了可能的损失。另一节点须清空其数据目录后重新加入',
  ],
  [
    'Both nodes of this pair went on alone, and neither follows the other’s log: {node} goes on; {other} lets go of what it runs and joins it',
    '双机的两个节点曾各自继续运行，日志互不相认：{node} 继续运行；{other} 放手所运行的一切并重新加入',
  ],
  [
    'Both nodes of this pair went on alone, and neither follows the other’s log: the other was told to, accepting what may be lost. {node} has to join anew from an empty folder',
    '双机的两个节点曾各自继续运行，日志互不相认：另一节点是奉命继续，并接受了可能的损失。{node} 须清空其数据目录后重新加入',
  ],
  [
    'Both nodes of this pair went on alone, and neither follows the other’s log: {node} goes on; {other} lets go of what it runs and joins it. What cannot be stopped here keeps them apart',
    '双机的两个节点曾各自继续运行，日志互不相认：{node} 继续运行；{other} 放手所运行的一切并重新加入。此处无法停止的资源使两者仍然分离',
  ],
  ['The ordered log: {why*}', '有序日志：{why}'],
  ['The ordered log is {phase=}: a move of it is not over', '有序日志{phase}：迁移尚未结束'],
  [
    'The ordered log is in etcd: the groups of a lost node may wait {seconds} s for their start elsewhere',
    '有序日志保存在 etcd 中：节点失联后，其资源组可能要等 {seconds} 秒才在别处启动',
  ],
  ['the log cannot be followed into epoch {epoch}: {why*}', '无法跟随日志进入第 {epoch} 代：{why}'],
  ['the log cannot move: {why*}', '日志无法迁移：{why}'],
  [
    'The replica of {volume} on {node} is not open: {why*}',
    '镜像卷 {volume} 在 {node} 上的副本打不开：{why}',
  ],
  [
    'What a copy overwrites of {volume} on {node} is not kept: {why*}',
    '镜像卷 {volume} 在 {node} 上被覆盖的内容没有保留：{why}',
  ],
  ['Volume {volume} is not in sync on {nodes*}', '镜像卷 {volume} 在 {nodes} 上未同步'],
  ['Volume {volume} is not followed by the copy on {node}', '镜像卷 {volume} 在 {node} 上的副本没有跟上'],
  [
    'Volume {volume} has a split brain ({nodes*}): `{command*}` shows what each side changed',
    '镜像卷 {volume} 发生脑裂（{nodes}）：请打开该卷的页面查看两侧的改动',
  ],
  ['Volume {volume} has not grown to {size*} yet', '镜像卷 {volume} 尚未扩容到 {size}'],
  ['Volume {volume} has not grown to {size*} yet: {why*}', '镜像卷 {volume} 尚未扩容到 {size}：{why}'],
  ['no reference address answers', '所有参考地址都没有应答'],
  ['no disk is configured for it', '没有为其配置磁盘'],
  ['it has not been read yet', '尚未读取'],
  ['{device} has not answered for {seconds} s', '{device} 已有 {seconds} 秒未应答'],
  ['this node has not met {node} since it started', '此节点启动后尚未与 {node} 联系过'],
  [
    'only an operator can say that {node} is off: `{command*}`',
    '只有操作员能确认 {node} 已关机：`{command}`',
  ],
  [
    '{node} is not heard on any path, and this pair prefers availability',
    '{node} 在所有路径上失联，而此双机选择可用性优先',
  ],
  ['… is heard again', '… 已恢复联系'],
  [
    'none of {addresses*} answers: this node seems to be the one that is cut off',
    '{addresses} 都没有应答：看来与网络隔绝的是此节点',
  ],
  ['how {node} stopped has been settled meanwhile', '{node} 是如何停机的，其间已有定论'],
  ['fenced by {node}: {why*}', '已由 {node} 隔离：{why}'],
  ['{who} says so', '{who} 确认'],
];
