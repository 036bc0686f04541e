import type { Catalogue } from '../shapes.ts';

export const files: Catalogue = {
  nfs: {
    title: { en: 'NFS server', zh: 'NFS 服务器' },
    about: {
      en: 'Install the kernel’s NFS server (nfs-kernel-server) and resource-agents on every node; disable its unit. Clients mount by the floating address and go on after a move.',
      zh: '在每个节点安装内核 NFS 服务器（nfs-kernel-server）与 resource-agents，并停用其服务。客户端通过浮动地址挂载，切换后可继续使用。',
    },
    directory: '/srv/nfs',
    questions: [
      {
        key: 'clients',
        kind: 'text',
        help: { en: 'who may mount it: 10.20.0.0/24', zh: '允许挂载的客户端：10.20.0.0/24' },
      },
      {
        key: 'options',
        kind: 'text',
        default: 'rw,sync,no_subtree_check',
        help: { en: 'options of the export', zh: '导出选项' },
      },
      {
        key: 'fsid',
        kind: 'number',
        default: '1',
        help: {
          en: 'number of the export, the same on every node and another for every export',
          zh: '导出编号，各节点相同，各导出不同',
        },
      },
    ],
    resources: [
      {
        name: 'nfsserver',
        type: 'ocf:heartbeat:nfsserver',
        params: { nfs_shared_infodir: '{{directory}}/.nfsinfo' },
        startTimeout: '120s',
      },
      {
        name: 'export',
        type: 'ocf:heartbeat:exportfs',
        params: {
          clientspec: '{{clients}}',
          directory: '{{directory}}',
          options: '{{options}}',
          fsid: '{{fsid}}',
        },
      },
    ],
  },
  samba: {
    title: { en: 'Samba', zh: 'Samba' },
    about: {
      en: 'Install Samba on every node, with the same smb.conf whose shares, private dir and lock directory are on the group’s file system; disable the units smbd and nmbd.',
      zh: '在每个节点安装 Samba，使用相同的 smb.conf，共享目录、private dir 与 lock directory 放在资源组的文件系统上；停用 smbd 与 nmbd 服务。',
    },
    directory: '/srv/samba',
    questions: [
      {
        key: 'config',
        kind: 'path',
        default: '/etc/samba/smb.conf',
        help: { en: 'configuration file', zh: '配置文件' },
      },
      {
        key: 'server',
        kind: 'path',
        default: '/usr/sbin/smbd',
        help: { en: 'the server', zh: '服务器程序' },
      },
    ],
    resources: [
      {
        name: 'samba',
        type: 'app',
        command: ['{{server}}', '--foreground', '--no-process-group', '--configfile={{config}}'],
        check: { quick: { tcp: '127.0.0.1:445', interval: '2s', timeout: '1s' } },
      },
    ],
  },
};
