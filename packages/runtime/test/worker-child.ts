/** The other side of worker.test.ts: serves handed-over connections by echoing in upper case. */
import { attachToSupervisor } from '../src/node/worker.ts';

const supervisor = attachToSupervisor({
  onMessage: (message) =>
    supervisor.send(message === 'flags?' ? { flags: process.execArgv } : { echoed: message }),
  onStream: (message, stream) => {
    supervisor.send({ got: message });
    stream.start({
      onData: (chunk) => void stream.write(Buffer.from(chunk.toString().toUpperCase())),
      onDrain: () => {},
      onClose: () => supervisor.send({ closed: true }),
    });
  },
});
