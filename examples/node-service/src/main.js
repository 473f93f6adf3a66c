import { readFile } from 'node:fs/promises';
import { readConfig } from './config.js';
import { startServer } from './server.js';

const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
const config = readConfig(process.env);
const server = startServer({ version, config }, config.port);
console.log(JSON.stringify({ message: 'listening', version, port: await server.ready }));

process.once('SIGTERM', async () => {
  await server.close(10_000);
  console.log(JSON.stringify({ message: 'closed', version }));
});
