import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';

import { testImage } from './scratch-namespace.ts';

/** A stage as written in a file. */
export type StageText = Record<string, unknown> & { name: string };

/** A temporary folder for pipeline files and what commands write. */
export interface PipelineFolder {
  path: string;
  /** Writes a pipeline of these stages, whose agent has one small container, and returns the file's path. */
  pipeline(stages: readonly StageText[], more?: Record<string, unknown>): Promise<string>;
  /** Writes any file and returns its path. */
  file(name: string, text: string): Promise<string>;
  /** Reads a file of the folder. */
  read(...name: string[]): Promise<string>;
  remove(): Promise<void>;
}

let count = 0;

/** Makes the folder; `name` is the pipelines' name. */
export async function makePipelineFolder(name: string): Promise<PipelineFolder> {
  const path = await mkdtemp(join(tmpdir(), `slipway-${name}-`));
  const file = async (fileName: string, text: string): Promise<string> => {
    const target = join(path, fileName);
    await writeFile(target, text);
    return target;
  };
  return {
    path,
    file,
    pipeline: (stages, more = {}) => {
      count += 1;
      const document = {
        apiVersion: 'slipway.dev/v1',
        kind: 'Pipeline',
        name,
        agent: { containers: { main: { image: testImage } } },
        stages,
        ...more,
      };
      return file(`app-${String(count)}.yaml`, stringify(document));
    },
    read: (...names) => readFile(join(path, ...names), 'utf8'),
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
