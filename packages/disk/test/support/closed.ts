import type { Socket } from 'node:net';

/** Resolves when the socket is closed, by whichever side and however rudely. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) return resolve();
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
  });
}
