import { writeFile } from 'node:fs/promises';
import type { CommandModule } from 'yargs';
import type { Preview } from '../app/plan-preview.ts';
import { InputError, messageOf } from '../base/errors.ts';
import { exitCodes } from '../base/exit-code.ts';
import { clusterOptions } from './cluster-options.ts';
import { parameterOption, parseNameValues } from './name-value.ts';
import { planPicture } from './plan-picture.ts';
import { policyFiles, policyOption } from './policy-option.ts';
import type { SetExitCode } from './set-exit-code.ts';
import { withCluster } from './with-cluster.ts';
import { writeJson, writeLine } from './write-line.ts';

/** `pipeline plan FILE` */
export function planCommand(setExitCode: SetExitCode): CommandModule {
  return {
    command: 'plan <file>',
    describe: 'show what a run would do and change, by a dry run',
    builder: (yargs) =>
      clusterOptions(yargs)
        .positional('file', { type: 'string', demandOption: true, describe: 'the pipeline file' })
        .option('param', parameterOption)
        .option('policy', policyOption)
        .option('output', { choices: ['text', 'json'] as const, default: 'text' as const })
        .option('svg', {
          type: 'string',
          requiresArg: true,
          describe: 'also write how the releases come through as a picture to this file',
        }),
    handler: async (args) => {
      const parameters = parseNameValues('--param', args['param']);
      const [{ previewFile }, { readPlan }] = await Promise.all([
        import('../app/plan-preview.ts'),
        import('../app/plan-file.ts'),
      ]);
      const planned = await readPlan(String(args['file']), {
        parameters,
        trigger: {},
        policyFiles: policyFiles(args),
      });
      const preview = await withCluster(args, (connection, signal) =>
        previewFile({ planned, connection, signal }),
      );
      if (args['output'] === 'json') await writeJson(process.stdout, preview);
      else await writeLine(process.stdout, planText(preview).join('\n'));
      const { svg } = args as { svg?: string };
      if (svg !== undefined) await savePicture(svg, preview);
      if (isRefused(preview)) setExitCode(exitCodes.failure);
    },
  };
}

/** @throws InputError when there is nothing to show, or the file cannot be written */
async function savePicture(file: string, { releases }: Preview): Promise<void> {
  const picture = planPicture(releases);
  if (picture === undefined)
    throw new InputError(
      `${file} is not written: no release of the plan replaces pods by blueGreen or canary`,
    );
  try {
    await writeFile(file, picture);
  } catch (cause) {
    throw new InputError(`cannot write ${file}: ${messageOf(cause)}`, { cause });
  }
}

/** Whether a run would fail with what it shows: the cluster takes an object not as it is. */
function isRefused({ releases }: Preview): boolean {
  return releases.some(({ release }) => release.objects.some(({ change }) => change === 'refused'));
}

/** The plan for people. */
export function planText({ plan, warnings, releases }: Preview): string[] {
  const lines = [`pipeline ${plan.pipeline}, agent in namespace ${plan.namespace}`, '', 'stages:'];
  for (const node of plan.nodes) {
    const needs = node.needs.length === 0 ? '' : ` after ${node.needs.join(', ')}`;
    const when = node.when === undefined ? '' : ` when ${node.when}`;
    lines.push(`  ${node.name} (${node.kind})${node.phase === 'finally' ? ' finally' : ''}${needs}${when}`);
  }
  for (const { stage, release } of releases) {
    const serves =
      release.stable === undefined ? 'first release' : `revision ${String(release.stable)} is serving`;
    lines.push('', `${stage}: ${release.application} in ${release.namespace}, ${serves}`);
    const marks = { created: '+', changed: '~', unchanged: ' ', pruned: '-', refused: '!' } as const;
    for (const { reference, change, fields, reason, location, unchecked } of release.objects) {
      const place = location === undefined ? '' : `${location}: `;
      const why = reason === undefined ? '' : `: ${place}${reason}`;
      const note = unchecked ? ' (not checked: what it needs comes with the release)' : '';
      lines.push(`  ${marks[change]} ${reference.kind} ${reference.name} ${change}${why}${note}`);
      for (const field of fields)
        lines.push(`      ${field.path}: ${show(field.before)} → ${show(field.after)}`);
    }
    lines.push('  steps:', ...release.steps.map((step, index) => `    ${String(index + 1)}. ${step}`));
    lines.push(...forecastText(release.forecast));
    lines.push(...release.warnings.map((warning) => `  warning: ${warning}`));
  }
  return [...lines, ...warnings];
}

/** A line for each moment of the release, with the pods of both tracks. */
function forecastText(forecast: Preview['releases'][number]['release']['forecast']): string[] {
  if (forecast.length === 0) return [];
  const pad = (value: number, width: number) => String(value).padStart(width);
  return [
    '  pods as the release comes through (if all new ones get ready):',
    '    old  new  traffic to new',
    ...forecast.map(({ stable, candidate, weight, message }) =>
      `    ${pad(stable, 3)}  ${pad(candidate, 3)}  ${pad(weight, 3)} %  ${message}`.trimEnd(),
    ),
  ];
}

function show(value: unknown): string {
  return value === undefined ? '(none)' : JSON.stringify(value);
}
