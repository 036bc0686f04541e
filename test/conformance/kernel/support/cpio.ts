/** An archive that the kernel unpacks as its first root (cpio "newc", Linux Documentation/driver-api/early-userspace/buffer-format.rst). */

export interface Entry {
  /** Without a leading slash. */
  readonly name: string;
  readonly content: Buffer;
}

const EXECUTABLE_FILE = 0o100755;
const MAGIC = '070701';

/** Folders are made where `init` finds none; here only files in the root. */
export function cpio(entries: readonly Entry[]): Buffer {
  const parts = entries.map((entry, index) => member(entry, index + 1));
  return Buffer.concat([...parts, member({ name: 'TRAILER!!!', content: Buffer.alloc(0) }, 0)]);
}

function member({ name, content }: Entry, inode: number): Buffer {
  const [links, nameBytes] = [1, name.length + 1];
  const fields = [inode, EXECUTABLE_FILE, 0, 0, links, 0, content.length, 0, 0, 0, 0, nameBytes, 0];
  const header = MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return Buffer.concat([padded(Buffer.from(`${header}${name}\0`)), padded(content)]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
