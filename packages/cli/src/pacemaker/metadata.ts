/** What the agent says of itself: OCF Resource Agent API 1.1, "Meta-data". */
export const AGENT_METADATA = `<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="mirror" version="1.0">
  <version>1.1</version>
  <longdesc lang="en">
Runs the disk process of Eterne on each node (eterne disk run) and makes one of them primary of its mirrored volume. Use it as a promotable clone
with promoted-max=1. The configuration needs "onPeerLost: ask" with "peerLost: { command: [ETERNE, pacemaker, peer-lost] }", and the cluster
needs fencing. Every node's mirror must be called as Pacemaker calls the node.
  </longdesc>
  <shortdesc lang="en">A volume mirrored by EterneDisk</shortdesc>
  <parameters>
    <parameter name="config" unique="1" required="1">
      <longdesc lang="en">The YAML configuration of this node's disk process; the same path on every node, its content that node's own.</longdesc>
      <shortdesc lang="en">configuration file</shortdesc>
      <content type="string"/>
    </parameter>
    <parameter name="volume" unique="0" required="0">
      <longdesc lang="en">Which of the configured volumes; needed where there are several.</longdesc>
      <shortdesc lang="en">name of the volume</shortdesc>
      <content type="string"/>
    </parameter>
    <parameter name="eterne" unique="0" required="0">
      <longdesc lang="en">The eterne command; without it, the one of the folder that the agent is a link into.</longdesc>
      <shortdesc lang="en">path of eterne</shortdesc>
      <content type="string"/>
    </parameter>
  </parameters>
  <actions>
    <action name="start" timeout="60s"/>
    <action name="stop" timeout="60s"/>
    <action name="promote" timeout="90s"/>
    <action name="demote" timeout="60s"/>
    <action name="monitor" depth="0" timeout="20s" interval="20s" role="Unpromoted"/>
    <action name="monitor" depth="0" timeout="20s" interval="10s" role="Promoted"/>
    <action name="validate-all" timeout="20s"/>
    <action name="meta-data" timeout="5s"/>
  </actions>
</resource-agent>
`;
