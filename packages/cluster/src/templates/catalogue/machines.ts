import type { Catalogue } from '../shapes.ts';

export const machines: Catalogue = {
  libvirt: {
    title: { en: 'Virtual machine (libvirt)', zh: '虚拟机（libvirt）' },
    about: {
      en: 'Install libvirt on every node and put the same XML there. For a disk on a mirrored volume the XML names the volume’s NBD socket (type network, protocol nbd). Turn off autostart of the domain.',
      zh: '在每个节点安装 libvirt，并放置相同的 XML。磁盘使用镜像卷时，XML 指向该卷的 NBD 套接字（type network，protocol nbd）。关闭该虚拟机的自动启动。',
    },
    directory: null,
    questions: [
      { key: 'domain', kind: 'name', help: { en: 'name of the domain', zh: '虚拟机名称' } },
      {
        key: 'definition',
        kind: 'path',
        help: { en: 'its XML, on every node', zh: '其 XML 文件，各节点都有' },
      },
    ],
    resources: [
      {
        name: 'vm',
        type: 'vm',
        domain: '{{domain}}',
        definition: '{{definition}}',
        startTimeout: '120s',
        stopTimeout: '300s',
      },
    ],
  },
};
