// A client under load, by itself: `node load-script.ts URL STOP-FILE HOST`. Asks for URL, as HOST where it is not empty, all the time, over connections that
// are kept alive and over new ones, until STOP-FILE is there; then prints what it saw as one line of JSON.
import { existsSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [url = '', stopFile = '', host = ''] = process.argv.slice(-3);
const seen = {
  requests: 0,
  failures: 0,
  errors: [] as string[],
  versions: {} as Record<string, number>,
  last: '',
};

/** One request; whatever comes of it is counted. */
function ask(agent: Agent): Promise<void> {
  seen.requests += 1;
  return new Promise((resolve) => {
    const failed = (message: string): void => {
      seen.failures += 1;
      if (seen.errors.length < 20) seen.errors.push(`${new Date().toISOString()} ${message}`);
      resolve();
    };
    const request = get(url, { agent, timeout: 10_000, headers: host === '' ? {} : { host } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.once('error', (error) => {
        failed(`while reading: ${error.message}`);
      });
      response.once('end', () => {
        if (response.statusCode !== 200) {
          failed(`status ${response.statusCode ?? ''}`);
          return;
        }
        const { version } = JSON.parse(text) as { version: string };
        seen.versions[version] = (seen.versions[version] ?? 0) + 1;
        seen.last = version;
        resolve();
      });
    });
    request.once('timeout', () => request.destroy(new Error('no answer in 10 s')));
    request.once('error', (error) => {
      failed(`${error.message}${request.reusedSocket ? ' (on a kept connection)' : ''}`);
    });
  });
}

let stopped = false;
async function client(keepAlive: boolean): Promise<void> {
  const agent = new Agent({ keepAlive, maxSockets: 1 });
  while (!stopped) {
    await ask(agent);
    await sleep(20);
  }
  agent.destroy();
}

const clients = [true, true, true, false, false, false].map((keepAlive) => client(keepAlive));
console.log('started');
while (!existsSync(stopFile)) await sleep(100);
stopped = true;
await Promise.all(clients);
rmSync(stopFile, { force: true });
console.log(JSON.stringify(seen));
