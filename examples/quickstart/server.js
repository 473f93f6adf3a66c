import { readFile } from 'node:fs/promises';
import { createService } from './service.js';

const { version, fault } = JSON.parse(await readFile(new URL('release.json', import.meta.url), 'utf8'));
if (fault === 'crash') throw new Error(`version ${version} was built with the fault "crash"`);

const service = createService(version);
const port = await service.listen(Number(process.env.PORT ?? 8080));
console.log(`version ${version} listens on port ${port}`);

process.once('SIGTERM', async () => {
  await service.close(10_000);
  console.log(`version ${version} is done`);
});
