import { accessSync, constants, statfs } from 'node:fs';
import type { FileSystems } from '../ports.ts';
import { systemError } from './errno.ts';

export const nodeFileSystems: FileSystems = {
  room(path, done) {
    statfs(path, (error, room) => {
      if (error !== null) return done(systemError(`ask for the room at ${path}`, error));
      const { blocks, bfree, bavail, files, ffree } = room;
      done(`${blocks} ${bfree} ${bavail} ${files} ${ffree}`);
    });
  },
};

/** False for a folder on a medium that is only read, whoever asks. */
export function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
