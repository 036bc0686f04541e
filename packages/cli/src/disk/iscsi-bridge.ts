/** How bridges to the kernel's iSCSI initiator begin: by the program that this process runs, without what a child does not need. */
import { fileURLToPath } from 'node:url';
import type { BridgeCommand } from '@eterne/disk/attach/iscsi-bridge.ts';

const MAIN = fileURLToPath(import.meta.resolve('@eterne/target/attach/main.ts'));

export const ISCSI_BRIDGE: BridgeCommand = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  '--v8-pool-size=1',
  MAIN,
];
