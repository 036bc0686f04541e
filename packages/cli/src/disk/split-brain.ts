/** `eterne disk status --split-brain`: what each side changed since the two parted, before anyone chooses. */
import { formatSize } from '@eterne/base';
import type { SideReport, SplitBrainReport } from '@eterne/disk/engine/split-brain/report.ts';
import { Control } from './control.ts';

/** Both sides run tools over a whole file system. */
const EXPLAIN_TIMEOUT_MS = 600_000;
const SHOWN_EXTENTS = 20;

export interface Explained {
  readonly volume: string;
  readonly splitBrains: readonly SplitBrainReport[];
}

export async function explainSplitBrain(
  volume: string | undefined,
  options: { readonly control: string; readonly json?: true },
): Promise<void> {
  const control = new Control(options.control);
  const volumes: Explained[] = [];
  for (const name of await control.names(volume)) {
    const answer = await control.ask(name, 'explain-split-brain', {}, EXPLAIN_TIMEOUT_MS);
    volumes.push({ volume: name, ...(answer as { splitBrains: readonly SplitBrainReport[] }) });
  }
  const text = volumes
    .flatMap((each) => splitBrainLines(each, 'eterne disk resolve'))
    .map((line) => `${line}\n`);
  process.stdout.write(options.json === true ? `${JSON.stringify({ volumes })}\n` : text.join(''));
}

/** `resolve`: the command that ends it, up to the volume's name. */
export function splitBrainLines({ volume, splitBrains }: Explained, resolve: string): readonly string[] {
  if (splitBrains.length === 0) return [`${volume}: no split brain`];
  return splitBrains.flatMap(({ peer, reason, local, remote, remoteNote }) => [
    `${volume}: split brain with ${peer}: ${reason}`,
    ...sideLines(local),
    ...(remote === null ? [`  ${peer}: ${remoteNote}`] : sideLines(remote)),
    `to go on: ${resolve} ${volume} --discard-local (what ${local.node} changed goes) or --discard-remote (what ${peer} changed goes)`,
  ]);
}

function sideLines(side: SideReport): readonly string[] {
  const { node, changedBytes, extents, extentCount, fileSystem, files, fileCount, otherBytes, note } = side;
  const shown = extents.slice(0, SHOWN_EXTENTS);
  const kind = fileSystem === 'unknown' ? '' : `, ${fileSystem}`;
  return [
    `  ${node} changed ${formatSize(changedBytes)} in ${extentCount} places${kind}`,
    ...files.map((file) => `    ${formatSize(file.changedBytes)}  ${file.path}`),
    ...(fileCount > files.length ? [`    … and ${fileCount - files.length} more files`] : []),
    ...(otherBytes > 0 ? [`    ${formatSize(otherBytes)} in no file (the file system’s own, or free)`] : []),
    ...(note === '' ? [] : [`    ${note}`]),
    ...shown.map(({ offset, lengthBytes }) => `    at ${offset}: ${formatSize(lengthBytes)}`),
    ...(extentCount > shown.length ? [`    … and ${extentCount - shown.length} more places`] : []),
  ];
}
