/** Texts of orders that end something, of a member, a group or a volume, and of moving the log. */
export const ordersEn = {
  confirmByName: (name: string) => `This cannot be taken back. To go on, write its name: ${name}`,

  toMaintenance: 'Maintenance',
  confirmMaintenance: (node: string) =>
    `Begin maintenance of ${node}? What runs there stays, and nothing is done about it, even when it is lost, until the node is made active again.`,
  fence: 'Switch it off',
  confirmFence: (node: string) =>
    `Switch ${node} off by its fence devices, now? What it runs ends at once and is started elsewhere.`,
  saidOff: 'It is off',
  confirmSaidOff: (node: string) =>
    `Give your word that ${node} is off? What it owned is started elsewhere at once. If it runs after all, both write: look before you say so.`,
  saidOffAnyway: 'Go on even if it knew more than this node',
  removeNode: 'Remove',
  confirmRemoveNode: (node: string) =>
    `Remove ${node} from the cluster? It may carry no group and no replica. To come back it has to join anew.`,
  removeIsOff: 'It is off, and stays off',

  deleteGroup: 'Delete',
  confirmDeleteGroup: (group: string) =>
    `Delete ${group}? The cluster forgets how it is run. Its volumes, and what is on them, stay.`,
  deleteVolume: 'Delete',
  confirmDeleteVolume: (volume: string) =>
    `Delete ${volume}? It is mirrored no more. What is on its devices stays there.`,
  acceptLoss: 'Go on with this copy',
  confirmAcceptLoss: (volume: string, node: string) =>
    `Go on with the copy of ${volume} on ${node}? It may lack acknowledged writes: they are not in the volume then, and copies that have them are overwritten.`,

  logToEtcd: 'Move the log into etcd',
  confirmLogToEtcd:
    'Move the log that the cluster agrees by into the etcd that is configured? Groups run on; their data pauses for a moment.',
  logToNodes: 'Move the log into the nodes',
  confirmLogToNodes:
    'Move the log that the cluster agrees by out of etcd, back into the nodes? Groups run on; their data pauses for up to a few seconds.',
  logIsIn: { embedded: 'The log is kept by the nodes.', etcd: 'The log is kept in etcd.' },
  logMoves: 'The log is being moved.',
};
