/** What every template asks, and the resources that come of it. */
import type { Question, ResourceTemplate } from './shapes.ts';

const group = (name: string): readonly Question[] => [
  { key: 'name', kind: 'name', default: name, help: { en: 'name of the group', zh: '资源组名称' } },
  {
    key: 'nodes',
    kind: 'list',
    help: { en: 'where it may run, the preferred node first: n1,n2', zh: '可运行的节点，首选在前：n1,n2' },
  },
];

const volume = (name: string): readonly Question[] => [
  {
    key: 'volume',
    kind: 'name',
    default: '',
    help: {
      en: `mirrored volume with its data, for example ${name}-data; empty: none`,
      zh: `存放数据的镜像卷，例如 ${name}-data；留空表示不用`,
    },
  },
  {
    key: 'volumeSize',
    kind: 'size',
    default: '',
    help: {
      en: 'make the volume, of this size; empty: it is there already',
      zh: '按此大小新建该卷；留空表示已存在',
    },
  },
  {
    key: 'volumeDevice',
    kind: 'device',
    default: '',
    help: {
      en: 'disk, partition or file for the new volume, the same on every node',
      zh: '新卷使用的磁盘、分区或文件，各节点相同',
    },
  },
];

const storage = (name: string, directory: string): readonly Question[] => [
  ...volume(name),
  {
    key: 'sharedDisk',
    kind: 'device',
    default: '',
    help: {
      en: 'instead of a volume: a SCSI disk that all nodes reach',
      zh: '不用镜像卷时：所有节点都能访问的 SCSI 磁盘',
    },
  },
  {
    key: 'directory',
    kind: 'path',
    default: directory,
    help: { en: 'where its file system is mounted', zh: '文件系统的挂载目录' },
  },
  {
    key: 'fstype',
    kind: 'choice',
    choices: ['ext4', 'xfs', 'btrfs'],
    default: 'ext4',
    help: { en: 'file system; made when the disk is blank', zh: '文件系统；磁盘为空时创建' },
  },
];

const address: readonly Question[] = [
  {
    key: 'address',
    kind: 'address',
    default: '',
    help: {
      en: 'floating address with its prefix length: 10.20.0.100/24; empty: none',
      zh: '浮动地址及前缀长度：10.20.0.100/24；留空表示不用',
    },
  },
  {
    key: 'interfaces',
    kind: 'list',
    default: 'eth0',
    help: { en: 'network interfaces for it, in order of preference', zh: '承载该地址的网卡，按优先顺序' },
  },
];

export const COMMON = { group, bareVolume: volume, storage, address };

export const STORAGE: readonly ResourceTemplate[] = [
  { when: 'volume', name: 'vol', type: 'mirror', volume: '{{volume}}', attach: 'auto' },
  {
    when: 'volume',
    name: 'fs',
    type: 'filesystem',
    device: '${vol.device}',
    directory: '{{directory}}',
    fstype: '{{fstype}}',
    format: 'if-blank',
  },
  { when: 'sharedDisk', name: 'disk', type: 'shared-disk', device: '{{sharedDisk}}' },
  {
    when: 'sharedDisk',
    name: 'fs',
    type: 'filesystem',
    device: '${disk.device}',
    directory: '{{directory}}',
    fstype: '{{fstype}}',
    format: 'if-blank',
  },
];

/** Without a file system: whoever uses the volume speaks NBD. */
export const BARE_VOLUME: readonly ResourceTemplate[] = [
  { when: 'volume', name: 'vol', type: 'mirror', volume: '{{volume}}', attach: 'none' },
];

export const ADDRESS: readonly ResourceTemplate[] = [
  { when: 'address', name: 'ip', type: 'ip', address: '{{address}}', interfaces: '{{interfaces}}' },
];
