import { readFile } from 'node:fs/promises';
import { createService } from './service.js';

const version = (await readFile(new URL('VERSION', import.meta.url), 'utf8')).trim();
const server = createService(version);
server.listen(Number(process.env.PORT ?? 8080), () => console.log(`version ${version} listens`));
process.once('SIGTERM', () => server.drain(10_000));
