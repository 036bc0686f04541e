/** The settings that the console asks for, out of a volume's entry of the configuration document and back into it. Pure. */

/** One entry of the document's `volumes`. */
export type VolumeEntry = Readonly<Record<string, unknown>>;

export interface SettingsAnswers {
  /** Of a volume with parts, that of the last one, which alone can grow. */
  readonly size: string;
  readonly readPolicy: string;
  readonly checksums: string;
  readonly onDiskError: string;
  /** Who gives way in a split brain, by how many sides are primary when they meet. */
  readonly zeroPrimaries: string;
  readonly onePrimary: string;
  readonly twoPrimaries: string;
  /** Asynchronous: who lets a copy go on that may lack writes. */
  readonly asyncTakeover: string;
  readonly compress: string;
  readonly schedule: string;
  readonly repair: boolean;
  readonly resyncMin: string;
  readonly resyncMax: string;
  readonly queue: string;
  readonly queuePolicy: string;
  /** Empty: no rescue journal. */
  readonly rescueMax: string;
}

export function entryOf(
  document: Readonly<Record<string, unknown>>,
  volume: string,
): VolumeEntry | undefined {
  const volumes = (document['volumes'] ?? []) as readonly VolumeEntry[];
  return volumes.find(({ name }) => name === volume);
}

export function answersOf(entry: VolumeEntry): SettingsAnswers {
  const text = (value: unknown): string =>
    typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  const part = (key: string): VolumeEntry => (entry[key] ?? {}) as VolumeEntry;
  const { max, whenFull } = part('rescueJournal');
  return {
    size: sizeText((lastPartOf(entry) ?? entry)['size']),
    readPolicy: text(entry['readPolicy']),
    checksums: text(entry['checksums'] ?? 'none'),
    onDiskError: text(entry['onDiskError']),
    zeroPrimaries: text(part('splitBrain')['zeroPrimaries'] ?? 'disconnect'),
    onePrimary: text(part('splitBrain')['onePrimary'] ?? 'disconnect'),
    twoPrimaries: text(part('splitBrain')['twoPrimaries'] ?? 'disconnect'),
    asyncTakeover: text(entry['asyncTakeover'] ?? 'operator'),
    compress: text(entry['compress'] ?? 'none'),
    schedule: text(part('verify')['schedule']),
    repair: part('verify')['repair'] === true,
    resyncMin: sizeText(part('resyncRate')['min']),
    resyncMax: sizeText(part('resyncRate')['max']),
    queue: sizeText(part('congestion')['queue']),
    queuePolicy: text(part('congestion')['policy']),
    rescueMax: whenFull === 'off' ? '' : sizeText(max),
  };
}

/** What is not asked for stays as it is. */
export function settingsDocument(
  entry: VolumeEntry,
  answers: SettingsAnswers,
): { readonly volumes: [VolumeEntry] } {
  const { verify: _, ...rest } = entry;
  const rescue = (entry['rescueJournal'] ?? {}) as VolumeEntry;
  const { size, readPolicy, checksums, onDiskError, compress, schedule, repair } = answers;
  const { zeroPrimaries, onePrimary, twoPrimaries, asyncTakeover } = answers;
  const whenFull = rescue['whenFull'] === 'off' ? 'pause' : rescue['whenFull'];
  const rescueJournal =
    answers.rescueMax.trim() === ''
      ? { whenFull: 'off' }
      : { ...rescue, max: answers.rescueMax.trim(), whenFull };
  return {
    volumes: [
      {
        ...rest,
        ...sized(entry, size.trim()),
        readPolicy,
        checksums,
        onDiskError,
        splitBrain: { zeroPrimaries, onePrimary, twoPrimaries },
        ...(entry['mode'] === 'async' ? { asyncTakeover } : {}),
        compress,
        ...(schedule.trim() === '' ? {} : { verify: { schedule: schedule.trim(), repair } }),
        resyncRate: { min: answers.resyncMin.trim(), max: answers.resyncMax.trim() },
        congestion: { queue: answers.queue.trim(), policy: answers.queuePolicy },
        rescueJournal,
      },
    ],
  };
}

/** Undefined: the volume is one disk. */
export function lastPartOf(entry: VolumeEntry): VolumeEntry | undefined {
  return partsOf(entry).at(-1);
}

function partsOf(entry: VolumeEntry): readonly VolumeEntry[] {
  return (entry['parts'] ?? []) as readonly VolumeEntry[];
}

function sized(entry: VolumeEntry, size: string): VolumeEntry {
  const last = lastPartOf(entry);
  return last === undefined ? { size } : { parts: [...partsOf(entry).slice(0, -1), { ...last, size }] };
}

/** As it would be written by hand, where that is exact. */
function sizeText(value: unknown): string {
  if (typeof value !== 'number') return typeof value === 'string' ? value : '';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
  let [amount, unit] = [value, 0];
  while (amount > 0 && amount % 1024 === 0 && unit < units.length - 1)
    [amount, unit] = [amount / 1024, unit + 1];
  return unit === 0 ? String(value) : `${amount}${units[unit]}`;
}
