// Lays out what the image holds: the sources and the version, without tests.
import { cp, readFile, rm, writeFile } from 'node:fs/promises';

const { version } = JSON.parse(await readFile('package.json', 'utf8'));
await rm('dist', { recursive: true, force: true });
await cp('src', 'dist/src', { recursive: true });
await writeFile('dist/package.json', `${JSON.stringify({ type: 'module', version })}\n`);
console.log(`built version ${version}`);
