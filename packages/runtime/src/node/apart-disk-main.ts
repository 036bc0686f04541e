/** The process behind `apart-disk.ts`: opens the disk that its argument names, then does what it is asked. Ends with its parent. */
import { EterneError } from '@eterne/base';
import type { SharedDisk } from '../shared-disk.ts';
import { OPENED, type FromApartDisk, type ToApartDisk } from './apart-disk.ts';
import { nodeSharedDisks } from './shared-disk.ts';

const path = process.argv[2] ?? '';
process.title = `eterne-shared-disk ${path}`;
process.on('disconnect', () => process.exit(0));

const answer = (message: FromApartDisk): void => void process.send?.(message);

function result(id: number, error: EterneError | undefined): FromApartDisk {
  return error ? { id, failed: { code: error.code, message: error.message } } : { id };
}

function work(disk: SharedDisk, message: ToApartDisk): void {
  const { id } = message;
  if ('read' in message)
    disk.read(message.read.offset, message.read.lengthBytes, (data) =>
      answer(data instanceof EterneError ? result(id, data) : { id, data }),
    );
  else
    disk.write(message.write.offset, Buffer.from(message.write.from), (error) => answer(result(id, error)));
}

nodeSharedDisks.open(path, (disk) => {
  if (disk instanceof EterneError) return answer(result(OPENED, disk));
  process.on('message', (message) => work(disk, message as ToApartDisk));
  return answer(result(OPENED, undefined));
});
