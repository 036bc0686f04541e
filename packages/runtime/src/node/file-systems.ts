import { statfs } from 'node:fs';
import type { FileSystems } from '../ports.ts';
import { systemError } from './errno.ts';

export const nodeFileSystems: FileSystems = {
  room(path, done) {
    statfs(path, (error, { blocks, bfree, bavail, files, ffree }) =>
      done(
        error
          ? systemError(`ask for the room at ${path}`, error)
          : `${blocks} ${bfree} ${bavail} ${files} ${ffree}`,
      ),
    );
  },
};
