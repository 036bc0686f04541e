/** What is wrong with a configuration, and what one that is right would do. */
import type { Phrase } from './phrases.ts';

/** Of `… needs …`, `… has …`: what it is about stands before. */
export const CONFIGURATION: readonly Phrase[] = [
  ['the configuration was changed by somebody else; plan again', '配置已被他人更改；请重新检查'],
  ['it exists already', '已存在'],
  ['it exists already: {name}', '已存在：{name}'],
  ['change it with `{command*}`', '请用 `{command}` 更改'],
  ['{node} is a witness', '{node} 是仲裁'],
  ['{node} is not a node of this cluster', '{node} 不是此群集的节点'],
  ['volume {volume}', '镜像卷 {volume}'],
  ['group {group}', '资源组 {group}'],
  ['fence device {agent}', '隔离设备 {agent}'],
  ['a heartbeat disk', '心跳磁盘'],
  ['heartbeat disk {number}', '心跳磁盘 {number}'],
  ['part {part} of volume {volume}', '镜像卷 {volume} 的组成部分 {part}'],
  ['{a!} and {b!}', '{a} 和 {b}'],
  ['edition ha allows 2 nodes; this cluster has {count}', 'ha 版允许 2 个节点；此群集有 {count} 个'],
  ['edition {edition} allows {count} nodes', '{edition} 版允许 {count} 个节点'],
  [
    'prefer: availability needs feature level {level}; upgrade {nodes*} first',
    'prefer: availability 需要功能级别 {level}；请先升级 {nodes}',
  ],
  [
    'profile {profile} needs feature level {level}; upgrade {nodes*} first',
    '心跳参数集 {profile} 需要功能级别 {level}；请先升级 {nodes}',
  ],
  ['the change from profile {from} to {to} is not over yet', '从心跳参数集 {from} 到 {to} 的切换尚未结束'],
  [
    'the log is {phase=}: the profile can be changed when that is over',
    '日志{phase}：结束后才能更改心跳参数集',
  ],
  [
    'the log is kept in etcd: move it first (`{command*}`)',
    '日志保存在 etcd 中：请先将其移回（`{command}`）',
  ],
  [
    'volume {volume} has {size*}: to make it smaller would destroy what lies at its end',
    '镜像卷 {volume} 的容量为 {size}：缩小会毁掉其末尾的数据',
  ],
  ['volume {volume}: its mode cannot be changed yet', '镜像卷 {volume}：尚不支持更改复制模式'],
  [
    'volume {volume}: only its last part, {part}, can grow; the others have something behind them',
    '镜像卷 {volume}：只有最后一个部分 {part} 可以扩容；其他部分之后还有数据',
  ],
  [
    'volume {volume}: its parts, and their order, stay as they were made',
    '镜像卷 {volume}：组成部分及其顺序不可更改',
  ],
  [
    'volume {volume}: the replica on {node} is on {device*}; take it out before it is put elsewhere',
    '镜像卷 {volume}：{node} 上的副本位于 {device}；换位置前请先将其去除',
  ],
  [
    'volume {volume} is served by {node}; move its group first',
    '镜像卷 {volume} 正由 {node} 提供服务；请先切换其资源组',
  ],
  [
    'volume {volume}: the replica that was on {node} has not been let go of yet; try again',
    '镜像卷 {volume}：{node} 上原来的副本尚未脱离；请稍后重试',
  ],
  [
    'volume {volume}: none of the other replicas holds every acknowledged write',
    '镜像卷 {volume}：其余副本都没有全部已确认的写入',
  ],
  ['volume {volume} is used by group {group}', '镜像卷 {volume} 正被资源组 {group} 使用'],
  ['stop group {group} before changing its resources', '更改资源组 {group} 的资源前请先将其停止'],
  ['stop group {group} before deleting it', '删除资源组 {group} 前请先将其停止'],
  ['group {group} runs on {node}; move it away first', '资源组 {group} 正在 {node} 上运行；请先将其切走'],
  ['{node} does not reach the new heartbeat disk', '{node} 访问不到新的心跳磁盘'],
  ['apply the document on a node that does', '请在能访问它的节点上应用'],

  // Claims.
  ['{who*} has two replicas on {device*}', '{who} 在 {device} 上有两个副本'],
  ['parts of {who*} overlap on a disk: {a} and {b}', '{who} 的各部分在同一磁盘上重叠：{a} 和 {b}'],
  [
    'parts of {who*} overlap on a disk of {node}: {a} and {b}',
    '{who} 的各部分在 {node} 的同一磁盘上重叠：{a} 和 {b}',
  ],
  ['{who*} are on the same disk {disk}', '{who} 位于同一磁盘 {disk}'],
  ['{who*} are on the same disk {disk} of {node}', '{who} 位于 {node} 的同一磁盘 {disk}'],
  ['{who*} overlap on a disk: {a} and {b}', '{who} 在磁盘上重叠：{a} 和 {b}'],
  ['{who*} overlap on a disk of {node}: {a} and {b}', '{who} 在 {node} 的磁盘上重叠：{a} 和 {b}'],
  ['{who*} have the same address {address}', '{who} 的地址相同：{address}'],
  ['{who*} are mounted on the same directory {directory}', '{who} 挂载在同一目录 {directory}'],
  [
    '{who*} are mounted on the same directory {directory} of {node}',
    '{who} 挂载在 {node} 的同一目录 {directory}',
  ],

  [
    'group {group}: {address} is an address of {node} itself; a floating address is one that no node has',
    '资源组 {group}：{address} 是 {node} 自身的地址；浮动地址不能是任何节点已有的地址',
  ],
  [
    'volume {volume}: {device} on {node} is not an absolute path',
    '镜像卷 {volume}：{node} 上的 {device} 不是绝对路径',
  ],

  // Rules between groups, demands, exports.
  [
    '{group*} has a rule about group {other}, which does not exist',
    '{group} 的规则涉及不存在的资源组 {other}',
  ],
  [
    '{group*} is to run with group {other} and apart from it',
    '{group} 既要与资源组 {other} 同行又要与其分开',
  ],
  ['the rules of groups {groups*} go round in a circle', '资源组 {groups} 的规则形成循环'],
  [
    'group {group} is to run with group {others*}, but they have no node in common',
    '资源组 {group} 要与资源组 {others} 同行，但它们没有共同的节点',
  ],
  [
    'group {group} is to run with group {others*}, but {torn} apart from {from}',
    '资源组 {group} 要与资源组 {others} 同行，但 {torn} 须与 {from} 分开',
  ],
  [
    'group {group} is to run apart from group {other}, but both may run on {node} only',
    '资源组 {group} 要与资源组 {other} 分开，但两者都只能在 {node} 上运行',
  ],
  [
    'group {group} takes {takes*} of {quantity}, but {node}, where it may run, has {has*}',
    '资源组 {group} 需要 {takes} 的 {quantity}，而它可以运行的 {node} 只有 {has}',
  ],
  [
    'groups {groups*} are to run together, but none of {nodes*} has room for all of them',
    '资源组 {groups} 要同行，但 {nodes} 都容不下它们全部',
  ],
  [
    'all groups together take {takes*} of {quantity}, but all nodes together have {has*}',
    '所有资源组共需要 {takes} 的 {quantity}，而所有节点共有 {has}',
  ],
  [
    'volume {volume} has more than one iscsi export; give one an address that all interfaces share',
    '镜像卷 {volume} 有多个 iscsi 导出；请只保留一个，并使用各网口共用的地址',
  ],
  [
    'volume {volume} has more than one iscsi export of part {part}; give one an address that all interfaces share',
    '镜像卷 {volume} 的组成部分 {part} 有多个 iscsi 导出；请只保留一个，并使用各网口共用的地址',
  ],
  [
    'an export of volume {volume} names {node}, where it has no replica',
    '镜像卷 {volume} 的导出指定了没有其副本的 {node}',
  ],
  [
    'the nbd export of volume {volume} on {address} is beyond loopback and needs tls: {keys*}',
    '镜像卷 {volume} 在 {address} 上的 nbd 导出超出本机回环，需要 tls：{keys}',
  ],
  [
    'two exports of volume {volume} are on {address} of {node}',
    '镜像卷 {volume} 的两个导出都在 {node} 的 {address} 上',
  ],
  [
    'volumes {a} and {b} are both exported on {address} of {node}',
    '镜像卷 {a} 和 {b} 都导出在 {node} 的 {address} 上',
  ],

  // Parts and places.
  [
    '{volume*} has {count} disk, but {devices} devices on {node}',
    '{volume} 有 {count} 个磁盘，但在 {node} 上有 {devices} 个设备',
  ],
  [
    '{volume*} has {count} parts, but {devices} devices on {node}',
    '{volume} 有 {count} 个部分，但在 {node} 上有 {devices} 个设备',
  ],
  ['{volume*} has more than {count} parts', '{volume} 的组成部分超过 {count} 个'],
  ['{volume*} has two parts of one name', '{volume} 有两个同名的部分'],
  ['{volume*} has parts, so that each is exported by itself', '{volume} 由多个部分组成，须逐个导出'],
  ['{volume*} has a part without any room', '{volume} 有一个容量为零的部分'],
  [
    'part {part} of volume {volume} is called {name} on its nodes, and so is a volume',
    '镜像卷 {volume} 的组成部分 {part} 在节点上名为 {name}，与另一镜像卷重名',
  ],
  [
    '{name}, which part {part} of volume {volume} is called on its nodes, is longer than {count} characters',
    '镜像卷 {volume} 的组成部分 {part} 在节点上的名称 {name} 超过 {count} 个字符',
  ],
  [
    '{a} and {b} would keep no path that joins them now: add the new addresses first, and take the old ones away when the new paths are up',
    '{a} 与 {b} 将不再保有任何现有路径：请先添加新地址，待新路径连通后再去除旧地址',
  ],
  [
    '{a} and {b} do not hear each other over what they would keep ({paths*})',
    '{a} 与 {b} 在将保留的路径上互相没有联系（{paths}）',
  ],
  [
    'wait until that path is up (`{command*}`), or find out why it is down',
    '请等待该路径连通（`{command}`），或查明其不通的原因',
  ],
  [
    '{node} would have {count} addresses: a node has 1 to {max}',
    '{node} 将有 {count} 个地址：节点可有 1 到 {max} 个',
  ],
  ['{address} of {node} would be used twice', '{node} 的 {address} 会被使用两次'],
  ['{address} is used by {node} already', '{address} 已被 {node} 使用'],

  // Rules.
  ['a cluster has at most {count} volumes', '一个群集最多有 {count} 个镜像卷'],
  ['a cluster has at most {count} groups', '一个群集最多有 {count} 个资源组'],
  ['a cluster has at most {count} heartbeat disks', '一个群集最多有 {count} 个心跳磁盘'],
  [
    'prefer: availability is for a pair without a tie-breaker (tieBreaker: { kind: none }); {kind} decides better',
    'prefer: availability 只用于没有决胜手段的双机（tieBreaker: { kind: none }）；{kind} 的裁决更可靠',
  ],
  [
    'the delay of the tie-breaker is {ms} ms: with profile {profile} two nodes may lose each other {silence} ms apart',
    '决胜手段的延迟为 {ms} 毫秒：使用心跳参数集 {profile} 时，两个节点发现对方失联的时刻可相差 {silence} 毫秒',
  ],
  ['the tie-breaker is fencing, but {node} has no fence device', '决胜手段为隔离，但 {node} 没有隔离设备'],
  ['two of the heartbeat disks are the same disk', '有两个心跳磁盘是同一磁盘'],
  ['{what*} names {node}, which is not a node of this cluster', '{what} 指定了 {node}，而它不是此群集的节点'],
  [
    '{what*} names {node}, which is a witness and carries nothing',
    '{what} 指定了 {node}，而它是仲裁，不承载任何资源',
  ],
  ['{volume*} needs 1 to {count} replicas', '{volume} 需要 1 到 {count} 个副本'],
  ['{volume*} has two replicas on one node', '{volume} 在同一节点上有两个副本'],
  ['{group*} has no nodes', '{group} 没有节点'],
  ['{group*} names a node twice', '{group} 重复指定了同一节点'],
  ['{group*} has more than {count} resources', '{group} 的资源超过 {count} 个'],
  ['{group*} has two resources of one name', '{group} 有两个同名资源'],
  ['{group*}: a mirror resource names its volume', '{group}：镜像资源须指定镜像卷'],
  ['{group*} uses volume {volume}, which does not exist', '{group} 使用了不存在的镜像卷 {volume}'],
  [
    '{group*} may run on {node}, where volume {volume} has no replica',
    '{group} 可在 {node} 上运行，但镜像卷 {volume} 在那里没有副本',
  ],
  [
    'group {group}: {resource} refers to {reference}, which does not come before it',
    '资源组 {group}：{resource} 引用了不在其之前的 {reference}',
  ],
  ['group {group}: {resource} refers to {reference*}', '资源组 {group}：{resource} 引用了 {reference}'],
  [
    '{reference}, but {resource} is of volume {volume} and offers {keys*}',
    '{reference}，但 {resource} 属于镜像卷 {volume}，只提供 {keys}',
  ],
  [
    'group {group} has two mirror resources of volume {volume}',
    '资源组 {group} 有两个镜像卷 {volume} 的镜像资源',
  ],
  ['volume {volume} is used by both groups {a} and {b}', '镜像卷 {volume} 被资源组 {a} 和 {b} 同时使用'],

  // The document.
  ['the document: {why*}', '文档：{why}'],
  ['is wrong', '有误'],
  ['is missing', '缺失'],
  ['unknown key {keys*}', '未知的键：{keys}'],
  ['has to be one of {values*}', '须为下列之一：{values}'],
  ['has to be a list', '须为列表'],
  ['has to be a mapping of keys', '须为键值映射'],
  ['has to be a text', '须为文本'],
  ['has no unit', '缺少单位'],
  ['not a size: {text*}', '不是容量：{text}'],
  ['not a duration: {text*}', '不是时长：{text}'],
  ['write for example {size}, {other} or {more}', '例如 {size}、{other} 或 {more}'],
  ['a schedule has five fields: {text*}', '计划须有五个字段：{text}'],
  ['{example*} is Saturdays at 3:00 UTC', '{example} 表示每周六 UTC 3:00'],
  ['{field*}: {text*} is not within {range}', '{field}：{text} 不在 {range} 之内'],
  ['day of month', '日'],
  ['day of week', '星期'],
  [
    'is not a name: letters, digits, dots, dashes, underscores; at most 63',
    '不是合法名称：字母、数字、点、连字符、下划线，最多 63 个字符',
  ],
  ['is not a resource name', '不是合法的资源名称'],
  ['is not a multiple of 4096 bytes', '不是 4096 字节的整数倍'],
  ['is not a time zone', '不是时区'],
  ['is not a fence agent: fence_… or its path', '不是隔离代理：须为 fence_… 或其路径'],
  ['is not a parameter of a fence agent', '不是隔离代理的参数'],
  ['has more than one line', '多于一行'],
  ['action and nodename are said by Eterne', 'action 和 nodename 由 Eterne 给出'],
  ['is not an address', '不是地址'],
  ['is not 1% to 99%', '不在 1% 到 99% 之间'],
  ['is not an absolute path', '不是绝对路径'],
  ['needs ca, or ca, cert and key, or none of them', '须有 ca，或 ca、cert 和 key 三者，或都没有'],
  ['is neither an absolute path nor unix:PATH', '既不是绝对路径也不是 unix:PATH'],
  ['is shorter than 1s', '短于 1 秒'],
  ['is longer than 60s', '长于 60 秒'],
  ['is not a whole number, or a size such as 4GiB', '不是整数，也不是 4GiB 这样的容量'],
  ['is not the name of a quantity', '不是合法的容量名称'],
  ['has more than {count} quantities', '容量种类超过 {count} 个'],
  ['has the same address twice', '同一地址出现两次'],
  ['is not the name of a part: letters, digits, underscores', '不是合法的组成部分名称：字母、数字、下划线'],
  [
    'are at least two; a volume of one disk has size and replicas itself',
    '至少两个；只有一个磁盘的卷直接写 size 和 replicas',
  ],
  ['are at most {count}', '最多 {count} 个'],
  ['is less than 17MiB', '小于 17MiB'],
  ['is not HH:MM-HH:MM', '不是 HH:MM-HH:MM'],
  ['has no time in it: leave it out for any time', '不含任何时间：如不限时间，请省略此项'],
  ['{where}: {name} is there twice', '{where}：{name} 出现两次'],
  ['group {group}, resource {resource}: {why*}', '资源组 {group} 的资源 {resource}：{why}'],
  ['{what*}: the {key} of its iscsi export is masked', '{what}：其 iscsi 导出的 {key} 是掩码'],
  ['write the secret itself', '请写入真正的密码'],
  [
    'volume {volume}: size, replicas and exports are those of its parts',
    '镜像卷 {volume}：size、replicas 和 exports 写在各组成部分中',
  ],
  [
    'volume {volume} needs size and replicas, or parts, or size, devices and nodes',
    '镜像卷 {volume} 须有 size 和 replicas，或 parts，或 size、devices 和 nodes',
  ],
  [
    'volume {volume} has devices: it needs size and nodes, and neither replicas nor parts',
    '镜像卷 {volume} 有 devices：须有 size 和 nodes，不能有 replicas 或 parts',
  ],
  [
    'volume {volume}: nodes and fence go with devices',
    '镜像卷 {volume}：nodes 和 fence 须与 devices 一起使用',
  ],
  [
    'volume {volume} has a device on {node}, which is none of its nodes',
    '镜像卷 {volume} 在 {node} 上有设备，但 {node} 不在其 nodes 中',
  ],
  [
    'volume {volume}: it is not said where device {device} is on {node}',
    '镜像卷 {volume}：未说明设备 {device} 在 {node} 上的位置',
  ],
  ['{volume*} needs 2 to {count} devices', '{volume} 须有 2 到 {count} 个设备'],
  ['{volume*} has two devices of one name', '{volume} 有两个同名的设备'],
  ['{volume*} has two devices on one disk of {node}', '{volume} 有两个设备位于 {node} 的同一磁盘上'],
  [
    '{volume*} is on devices that both nodes reach, and prefer: availability lets both take them',
    '{volume} 位于两个节点共用的设备上，而 prefer: availability 会使双方都占用它们',
  ],
  [
    '{volume*} has devices, which no volume with parts may have',
    '{volume} 有共用设备，由多个部分组成的卷不能有',
  ],
  ['{volume*} has devices, which are written synchronously', '{volume} 有共用设备，只能同步写入'],
  ['{volume*} has devices, beside which no rescue journal is kept', '{volume} 有共用设备，不能保留抢救日志'],
  [
    '{volume*} has devices: to move away from a lost one would help nobody (onDiskError)',
    '{volume} 有共用设备：丢失设备时切换无济于事（onDiskError）',
  ],
  [
    '{volume*} has devices: the reservations of an iscsi export would not move to another node with it',
    '{volume} 有共用设备：iscsi 导出的保留不会随其切换到其他节点',
  ],
  [
    '{volume*}: device {device} on {node}, {path*}, {why*}',
    '{volume}：{node} 上的设备 {device}（{path}）{why}',
  ],
  [
    'takes no reservation, so nothing keeps a node that was paused from writing to it; give a LUN (iscsi://…), or say fence: fencing (block devices, where every node has a fence device) or fence: lock (files whose locks reach across the nodes)',
    '不支持保留，无法阻止暂停过的节点继续写入；请给出 LUN（iscsi://…），或使用 fence: fencing（块设备，每个节点都有隔离设备）或 fence: lock（锁跨节点有效的文件）',
  ],
  [
    'is no file, and fence: lock is for files whose locks reach across the nodes',
    '不是文件；fence: lock 只用于锁跨节点有效的文件',
  ],
  [
    'is neither a LUN (iscsi://…) nor an absolute path; an NBD export may still do what it was asked by a node that has stopped',
    '既不是 LUN（iscsi://…）也不是绝对路径；NBD 导出可能仍会执行已停止节点的请求',
  ],
  [
    '{volume*}: two of its nodes have one initiator name, {name}, so that a reservation cannot tell them apart',
    '{volume}：有两个节点使用同一发起程序名称 {name}，保留无法区分它们',
  ],
  [
    '{volume*}: fence: fencing needs a fence device of {node}',
    '{volume}：fence: fencing 要求 {node} 有隔离设备',
  ],
  [
    '{volume*}: fence: fencing needs nodes that are waited for until a fence is confirmed; with a watchdog (cluster.watchdog) nobody waits longer than for that, and a machine that is paused takes it along',
    '{volume}：fence: fencing 要求一直等到隔离得到确认；有看门狗（cluster.watchdog）时不会等待更久，而被暂停的机器连同看门狗一起暂停',
  ],
  [
    'volume {volume}: its devices, and their order, stay as they were made',
    '镜像卷 {volume}：设备及其顺序不可更改',
  ],
  [
    'volume {volume} is served by {node}: stop its group before its devices are reached in another way on {other}',
    '镜像卷 {volume} 正由 {node} 提供服务：更改 {other} 上的设备路径前请先停止其资源组',
  ],
  [
    'volume {volume}: part {part} is on {nodes*}, and part {other} on {others*}; every replica has all parts',
    '镜像卷 {volume}：组成部分 {part} 位于 {nodes}，而 {other} 位于 {others}；每个副本须包含所有部分',
  ],
  ['an app has either a command or an agent', 'app 须有 command 或 agent 之一'],
  ['not a limit: {limit}: {value}', '不是合法的限制：{limit}: {value}'],
  ['one of {limits*}; a number, soft:hard, or unlimited', '{limits} 之一；数值、soft:hard 或 unlimited'],
  ["a check's interval is at least {ms}ms", '检查间隔至少 {ms} 毫秒'],
  ['a check has exactly one of command, http and tcp', '检查须且只能有 command、http、tcp 之一'],
  ['not an http:// URL: {url}', '不是 http:// 地址：{url}'],
  ['check https with a command, for example {example*}', '请用命令检查 https，例如 {example}'],
  ['interfaces names at least one network interface', 'interfaces 至少指定一个网口'],
  ['not an address with its prefix length: {address}', '不是带前缀长度的地址：{address}'],
  ['write for example {example}', '例如 {example}'],
  ['not a systemd unit: {unit}', '不是 systemd 单元：{unit}'],
  ['not an OCF agent: {agent}', '不是 OCF 代理：{agent}'],
  ['an OCF agent has no parameter called {name}', 'OCF 代理没有参数 {name}'],
  ['a vm has either qemu or a domain', 'vm 须有 qemu 或 domain 之一'],
  ['qemu is empty', 'qemu 为空'],
  ['qemu runs in the foreground, and its -qmp is ours', 'qemu 须在前台运行，其 -qmp 由 Eterne 使用'],
  ['resource type {type} is unknown', '未知的资源类型 {type}'],
  ['known types: {types*}', '已知类型：{types}'],
  ['{path} is missing', '缺少 {path}'],
];

/** Steps of a plan. */
export const PLANS: readonly Phrase[] = [
  ['Change {keys*} of the cluster', '更改群集的 {keys}'],
  [
    'Change {keys*} of the cluster. The log stays with {engine} until `{command*}`',
    '更改群集的 {keys}。在执行 `{command}` 之前，日志仍由 {engine} 保存',
  ],
  ['Count on {node} having no stated capacity', '{node} 不再声明容量'],
  ['Count on {node} having {amounts*}', '{node} 声明的容量：{amounts}'],
  ['{amount} of {quantity}', '{quantity} {amount}'],
  ['{amount} {unit} of {quantity}', '{quantity} {amount} {unit}'],
  [
    'Reach {node} at {addresses*} too: it has to have that address',
    '{node} 增加地址 {addresses}：该节点须已配置此地址',
  ],
  ['Leave {addresses*} of {node}', '不再使用 {node} 的 {addresses}'],
  ['Pair the addresses of {node} in another order: {addresses*}', '{node} 的地址按新的顺序配对：{addresses}'],
  [
    'Serve the API of {node} at {address} instead of {former}',
    '{node} 的 API 地址由 {former} 改为 {address}',
  ],
  [
    'Only {local} – {remote} of what joins {a} and {b} now stays',
    '{a} 与 {b} 的现有路径中只剩 {local} – {remote}',
  ],
  [
    'Create volume {volume} of {size*} on {places*}; what is there now is overwritten',
    '新建镜像卷 {volume}，容量 {size}，位于 {places}；原有内容将被覆盖',
  ],
  [
    'Create volume {volume} of {size*} on {places*}: {nodes*} serve it from all of {devices*}; what is there now is overwritten, unless it is this volume',
    '新建镜像卷 {volume}，容量 {size}，位于 {places}：由 {nodes} 从 {devices} 全部设备提供服务；原有内容将被覆盖，除非就是该卷',
  ],
  ['Let {node} serve it, too, from {places*}', '{node} 也可从 {places} 提供服务'],
  ['Have {node} leave its devices alone', '{node} 不再使用其设备'],
  ['{device} on {node}', '{node} 的 {device}'],
  ['{a} and {b} on {node}', '{node} 的 {a} 和 {b}'],
  [
    'Grow volume {volume} to {size*} on every replica, while it is in use',
    '在使用中将镜像卷 {volume} 的所有副本扩容到 {size}',
  ],
  ['Change volume {volume}', '更改镜像卷 {volume}'],
  ['Copy it to {place*}; what is there now is overwritten', '复制到 {place}；原有内容将被覆盖'],
  ['Take out the replica on {node}; its device is left as it is', '去除 {node} 上的副本；其设备保持原样'],
  ['Change group {group}', '更改资源组 {group}'],
  [
    'Create group {group} ({resources*}) and start it, preferably on {node}',
    '新建资源组 {group}（{resources}）并启动，首选 {node}',
  ],
];
