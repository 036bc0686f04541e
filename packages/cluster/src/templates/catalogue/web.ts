import type { Catalogue, Question } from '../shapes.ts';

const statusUrl = (value: string): Question => ({
  key: 'statusUrl',
  kind: 'text',
  default: value,
  help: { en: 'URL that answers when the server is well', zh: '服务器正常时会应答的 URL' },
});
const CHECK = { quick: { interval: '5s', timeout: '10s' } };

export const web: Catalogue = {
  nginx: {
    title: { en: 'nginx', zh: 'nginx' },
    about: {
      en: 'Install nginx and resource-agents on every node, with the same configuration file; disable the distribution’s own service.',
      zh: '在每个节点安装 nginx 与 resource-agents，使用相同的配置文件，并停用发行版自带的服务。',
    },
    directory: '/srv/www',
    questions: [
      {
        key: 'config',
        kind: 'path',
        default: '/etc/nginx/nginx.conf',
        help: { en: 'configuration file; may be in the directory', zh: '配置文件，可位于该目录中' },
      },
      {
        key: 'server',
        kind: 'path',
        default: '/usr/sbin/nginx',
        help: { en: 'the server', zh: '服务器程序' },
      },
    ],
    resources: [
      {
        name: 'nginx',
        type: 'ocf:heartbeat:nginx',
        params: { configfile: '{{config}}', httpd: '{{server}}' },
        check: CHECK,
      },
    ],
  },
  apache: {
    title: { en: 'Apache HTTP Server', zh: 'Apache HTTP 服务器' },
    about: {
      en: 'Install Apache and resource-agents on every node, with the same configuration and mod_status for its own host; disable the distribution’s own service.',
      zh: '在每个节点安装 Apache 与 resource-agents，使用相同的配置，并对本机开放 mod_status；停用发行版自带的服务。',
    },
    directory: '/srv/www',
    questions: [
      {
        key: 'config',
        kind: 'path',
        default: '/etc/apache2/apache2.conf',
        help: { en: 'configuration file', zh: '配置文件' },
      },
      {
        key: 'envvars',
        kind: 'path',
        default: '/etc/apache2/envvars',
        help: { en: 'file with its environment', zh: '环境变量文件' },
      },
      {
        key: 'server',
        kind: 'path',
        default: '/usr/sbin/apache2',
        help: { en: 'the server', zh: '服务器程序' },
      },
      statusUrl('http://127.0.0.1:80/server-status'),
    ],
    resources: [
      {
        name: 'apache',
        type: 'ocf:heartbeat:apache',
        params: {
          configfile: '{{config}}',
          httpd: '{{server}}',
          envfiles: '{{envvars}}',
          statusurl: '{{statusUrl}}',
        },
        check: CHECK,
      },
    ],
  },
  tomcat: {
    title: { en: 'Apache Tomcat', zh: 'Apache Tomcat' },
    about: {
      en: 'Install Java, Tomcat and resource-agents on every node; CATALINA_BASE with the applications is on the group’s file system.',
      zh: '在每个节点安装 Java、Tomcat 与 resource-agents；包含应用的 CATALINA_BASE 放在资源组的文件系统上。',
    },
    directory: '/srv/tomcat',
    questions: [
      { key: 'javaHome', kind: 'path', help: { en: 'JAVA_HOME', zh: 'JAVA_HOME' } },
      {
        key: 'catalinaHome',
        kind: 'path',
        default: '/usr/share/tomcat10',
        help: { en: 'CATALINA_HOME', zh: 'CATALINA_HOME' },
      },
      {
        key: 'user',
        kind: 'name',
        default: 'tomcat',
        help: { en: 'system user it runs as', zh: '运行它的系统用户' },
      },
      statusUrl('http://127.0.0.1:8080/'),
    ],
    resources: [
      {
        name: 'tomcat',
        type: 'ocf:heartbeat:tomcat',
        params: {
          java_home: '{{javaHome}}',
          catalina_home: '{{catalinaHome}}',
          catalina_base: '{{directory}}',
          catalina_pid: '{{directory}}/tomcat.pid',
          tomcat_user: '{{user}}',
          statusurl: '{{statusUrl}}',
        },
        check: { quick: { interval: '10s', timeout: '30s' } },
        startTimeout: '120s',
        stopTimeout: '120s',
      },
    ],
  },
};
