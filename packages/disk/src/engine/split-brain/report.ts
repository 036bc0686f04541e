/** What a split brain is about: what each side changed since the parting (docs/reference/disk.md, `status --split-brain`). */

/** Bounds of one side's report, so that it fits a frame; what is beyond is counted, not listed. */
export const MAX_LISTED_EXTENTS = 400;
export const MAX_LISTED_FILES = 160;
export const MAX_PATH_BYTES = 255;
export const FILE_SYSTEMS = ['unknown', 'ext', 'xfs', 'ntfs'] as const;
export type FileSystem = (typeof FILE_SYSTEMS)[number];

export interface ChangedExtent {
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface ChangedFile {
  readonly path: string;
  /** Of its blocks; NTFS: at most. */
  readonly changedBytes: number;
}

export interface SideReport {
  readonly node: string;
  readonly changedBytes: number;
  /** In order of the volume. */
  readonly extents: readonly ChangedExtent[];
  readonly extentCount: number;
  readonly fileSystem: FileSystem;
  /** Most changed first. */
  readonly files: readonly ChangedFile[];
  readonly fileCount: number;
  /** Changed blocks that belong to no file: the file system's own, and free ones. */
  readonly otherBytes: number;
  /** Why files are missing or incomplete; empty: they are not. */
  readonly note: string;
}

export interface SplitBrainReport {
  readonly peer: string;
  readonly reason: string;
  readonly local: SideReport;
  /** Null: the peer did not tell; `remoteNote` says why. */
  readonly remote: SideReport | null;
  readonly remoteNote: string;
}
