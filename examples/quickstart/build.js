// The build: writes what the image is made of to dist/. VERSION and FAULT come from the pipeline's parameters.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';

const { version } = JSON.parse(await readFile('package.json', 'utf8'));
const release = { version: process.env.VERSION || version, fault: process.env.FAULT || 'none' };

await mkdir('dist', { recursive: true });
for (const file of ['server.js', 'service.js']) await copyFile(file, `dist/${file}`);
await writeFile('dist/package.json', '{ "type": "module" }\n');
await writeFile('dist/release.json', `${JSON.stringify(release)}\n`);
console.log(`built version ${release.version}`);
