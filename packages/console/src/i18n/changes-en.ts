/** Texts of the wizards that change what is there: fencing, rules between groups, heartbeat disks, exports. */
const devices = {
  ipmi: 'the management board',
  redfish: 'the management board',
  pdu: 'the power strip',
  vmware: 'vCenter',
  libvirt: 'the host',
  other: 'the device',
  none: '',
};

export const changesEn = {
  wizardReviewChange: 'Check and change',
  planChanges: 'What changes in the configuration',
  planDocumentMasked: 'The same as a document for: eterne config apply (write the secrets into it)',

  fencing: 'Fencing',
  enforcement: {
    watchdog: 'Cut off, it is reset by its watchdog.',
    fencing: 'Cut off, it is switched off by its fence device.',
    software: 'Cut off, it ends its services by itself; nothing else would.',
  },
  fencingTitle: (node: string) => `How ${node} can be switched off`,
  fencingNote:
    'A node that hangs may not be able to end its services. A device that does not need its help makes certain: others take over when it says that the power is off. Every node asks the device every five minutes; when it does not answer, the overview says so.',
  stepFenceDevice: 'Device',
  stepFenceAccess: 'Access',
  stepFenceUse: 'Use',
  fenceDevices: 'Devices that it has',
  fenceLevel: (level: number, device: string) => `Level ${level}: ${device}`,
  fenceQuestion: 'What can switch it off',
  fenceMoreQuestion: 'What else can switch it off',
  fenceKind: {
    ipmi: 'A management board, by IPMI',
    redfish: 'A management board, by Redfish',
    pdu: 'A power strip of APC',
    vmware: 'VMware vCenter',
    libvirt: 'A KVM host (libvirt)',
    other: 'Something else',
    none: 'Nothing any more',
  },
  fenceKindHelp: {
    ipmi: 'Most servers have one: iLO, iDRAC, XCC, BMC. With an address of its own.',
    redfish: 'The same boards, where IPMI is switched off.',
    pdu: 'By SNMP. A server with two power supplies needs two: run this once more for the second one.',
    vmware: 'The node is a virtual machine of it.',
    libvirt: 'The node is a virtual machine on it; it is reached by SSH.',
    other: 'Any fence agent that is installed on the nodes.',
    none: 'Its devices are taken out of the configuration.',
  },
  fenceParam: {
    ip: (kind: keyof typeof devices) => `Address of ${devices[kind]}`,
    username: (kind: keyof typeof devices) => `User of ${devices[kind]}`,
    password: () => 'Password',
    plug: (kind: keyof typeof devices): string => (kind === 'pdu' ? 'Outlet' : 'Virtual machine'),
    community: () => 'SNMP community',
    identity_file: () => 'SSH key',
    ssl_insecure: () => '',
  },
  fenceParamHelp: {
    ip: 'Every other node has to reach it.',
    username: 'With the right to switch power on and off.',
    password: 'It is never shown again.',
    plug: 'Number or name, as the device itself has it.',
    community: 'Empty: as the agent has it (private).',
    identity_file: 'A file on every node. Empty: by password.',
    ssl_insecure: '',
  },
  fenceInsecure: 'Take its certificate unverified (it is its own)',
  fenceAgent: 'Agent',
  fenceAgentHelp: 'By its name in /usr/sbin, or with its path. Every node needs it.',
  fenceLinesHelp: (agent: string) =>
    `NAME=VALUE, one a line. What there is to say: ${agent} -o metadata. Secrets are not shown afterwards.`,
  fencePlace: 'Beside what there is',
  fenceLater: 'When everything else has failed',
  fenceLaterHelp: 'A level of its own, after those that there are.',
  fenceBeside: (devices: string) => `Together with ${devices}`,
  fenceBesideHelp: 'All of them have to be off, as with two power supplies.',
  fenceInstead: 'Instead of everything that there is',
  fenceAction: 'When it is off',
  fenceReboot: 'It is switched on again',
  fenceRebootHelp: 'And comes back by itself, if it can.',
  fenceOff: 'It stays off',
  fenceOffHelp: 'Until somebody has looked.',
  fenceProblem: {
    agentMissing: 'The name of the agent is needed.',
    agentWrong: 'fence_… or its whole path, such as /opt/agents/fence_own.',
    noProof:
      'It does not switch the node off: its services would run on. That is no proof, so it is not taken.',
    linesWrong: 'NAME=VALUE, one a line.',
    linesOurs: 'action and nodename are said by Eterne.',
    paramMissing: 'An answer is needed.',
    keyMissing: 'A password or an SSH key is needed.',
    paramItself: 'That is the node itself. What hangs cannot switch itself off.',
    placeTwin:
      'Two devices of one agent would be on one level, and the cluster could not tell their secrets apart. Choose another place, or write both with their secrets on the page Configuration.',
    tieBreaker: 'Fencing decides between the nodes (tieBreaker), so that each needs a device.',
    volumeFence: 'A volume on shared devices counts on it (fence: fencing).',
  },

  rules: 'Rules',
  rulesTitle: (group: string) => `Rules of ${group} about other groups`,
  rulesNote: (group: string) =>
    `${group} adapts to the others; they do not notice. A rule is stronger than the order of preference: where it cannot be kept, ${group} does not run.`,
  rulesNobody: 'There is no other group.',
  stepRules: 'Rules',
  rulesCompany: {
    any: 'runs anywhere',
    with: 'together, on one node',
    apart: 'apart, never on one node',
  },
  rulesAfter: (other: string) => `Started only while ${other} is online`,
  rulesProblem: {
    circle: (other: string, group: string) =>
      `${other} has a rule about ${group} already, itself or through others. Rules may not go round in a circle.`,
    noNode: (_other: string, group: string) =>
      `No node may run ${group} and everything that it is to run with.`,
    torn: (other: string, group: string) =>
      `${group} is to run together with groups that must be apart from each other; ${other} is one of them.`,
    oneNode: (other: string, group: string) =>
      `Both ${group} and ${other} can run on one and the same node only.`,
  },

  heartbeatDisks: 'Heartbeat disks',
  heartbeatDisksNote:
    'A small disk that nodes share, to beat on: a node that has lost every network is seen to live, so that nobody takes it for dead. It gets no leases meanwhile, and its services move as without a disk.',
  stepHeartbeatDisk: 'Disk',
  heartbeatKept: 'Disks that there are',
  heartbeatKeptHelp: 'One without its tick is used no more; what is on it stays there.',
  heartbeatQuestion: 'One more',
  heartbeatPlace: {
    same: 'By the same path on all nodes',
    each: 'By a path of its own on each node',
    none: 'None',
  },
  heartbeatPlaceHelp: {
    same: 'A LUN by its id, or a file on a file system that all mount.',
    each: 'Or reached by some of them only.',
    none: '',
  },
  heartbeatPath: 'The disk',
  heartbeatPathHelp:
    'A LUN, a partition of one, or a file of at least 324 KiB that takes direct I/O. It has to be empty: one that holds anything is refused, and left as it is.',
  heartbeatPathsHelp: 'Empty: this node does not reach it.',
  heartbeatProblem: {
    four: 'A cluster has at most four. Let another one go first.',
    missing: 'Say where the disk is.',
    deviceRelative: 'A whole path, from the root on.',
    two: 'At least two nodes have to reach it.',
    here: 'You are connected to this node: it looks at the disk and marks it, so it has to reach it. Or open the console of a node that does.',
    taken: 'That is in use already: by a volume, or as a heartbeat disk.',
  },
};
