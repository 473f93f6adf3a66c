import { instructionError, type Instruction } from '../dockerfile/read-dockerfile.ts';
import type { BuildStage } from '../dockerfile/build-stages.ts';

const known = new Set(
  'ARG ENV LABEL WORKDIR COPY ADD ENTRYPOINT CMD EXPOSE USER VOLUME STOPSIGNAL HEALTHCHECK SHELL MAINTAINER'.split(
    ' ',
  ),
);
const flags: Record<string, readonly string[]> = {
  COPY: ['from', 'chown', 'chmod', 'link'],
  ADD: ['chown', 'chmod', 'link'],
  HEALTHCHECK: ['interval', 'timeout', 'start-period', 'start-interval', 'retries'],
};

/**
 * Refuses what can only be done by running commands, or is not known, before anything is fetched. Nothing is skipped.
 * @throws BuildError that names the line
 */
export function checkStages(stages: readonly BuildStage[], needed: readonly number[]): void {
  for (const index of needed) for (const instruction of stages[index]?.instructions ?? []) check(instruction);
}

function check(instruction: Instruction): void {
  const { keyword } = instruction;
  if (keyword === 'RUN') {
    throw instructionError(
      instruction,
      'the layers builder runs no commands',
      'do it in a run stage and COPY what it makes, or use image.builder: docker',
    );
  }
  if (!known.has(keyword)) {
    throw instructionError(
      instruction,
      'it is not known to the layers builder',
      'is it a typo? else use image.builder: docker',
    );
  }
  const flag = instruction.flags.find((one) => flags[keyword]?.includes(one.name) !== true);
  if (flag !== undefined) {
    throw instructionError(
      instruction,
      `--${flag.name} is not known to the layers builder`,
      'use image.builder: docker',
    );
  }
}
