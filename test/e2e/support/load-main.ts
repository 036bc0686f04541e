/** `load-main.ts ADDRESS FILE`: the demonstration's load from inside a host; appends each acknowledged record to FILE as one JSON line. */
import { appendFileSync } from 'node:fs';
import { callHttp } from '@eterne/runtime/node/http.ts';

const [address = '', file = ''] = process.argv.slice(2);

for (let turn = 0; ; turn += 1) {
  const payload = `${process.pid} turn ${turn}`;
  try {
    const receipt = await callHttp(address, {
      method: 'POST',
      path: '/records',
      body: { payload },
      timeoutMs: 1000,
    });
    appendFileSync(file, `${JSON.stringify({ ...(receipt as object), payload })}\n`);
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
