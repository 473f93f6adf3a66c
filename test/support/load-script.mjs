// A client under load: node load-script.mjs URL STOP-FILE. Asks for URL all the time, over connections that are kept
// alive and over new ones, until STOP-FILE is there; then prints what it saw as one line of JSON.
import { existsSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [url, stopFile] = process.argv.slice(-2);
const seen = { requests: 0, failures: 0, errors: [], versions: {}, last: undefined };
let stopped = false;

function ask(agent) {
  return new Promise((resolve) => {
    const failed = (message) => {
      seen.failures += 1;
      if (seen.errors.length < 20) seen.errors.push(`${new Date().toISOString()} ${message}`);
      resolve();
    };
    const request = get(url, { agent, timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.once('error', (error) => failed(`while reading: ${error.message}`));
      response.once('end', () => {
        if (response.statusCode !== 200) return failed(`status ${response.statusCode}`);
        const { version } = JSON.parse(text);
        seen.versions[version] = (seen.versions[version] ?? 0) + 1;
        seen.last = version;
        resolve();
      });
    });
    request.once('timeout', () => request.destroy(new Error('no answer in 10 s')));
    request.once('error', (error) => failed(`${error.code ?? ''} ${error.message}${request.reusedSocket ? ' (kept alive)' : ''}`));
    seen.requests += 1;
  });
}

async function client(keepAlive) {
  const agent = new Agent({ keepAlive, maxSockets: 1 });
  while (!stopped) {
    await ask(agent);
    await sleep(20);
  }
  agent.destroy();
}

const clients = [true, true, true, false, false, false].map(client);
console.log('started');
while (!existsSync(stopFile)) await sleep(100);
stopped = true;
await Promise.all(clients);
rmSync(stopFile, { force: true });
console.log(JSON.stringify(seen));
