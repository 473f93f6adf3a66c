import type { CommandModule } from 'yargs';
import type { Preview } from '../app/plan-preview.ts';
import { clusterOptions } from './cluster-options.ts';
import { parameterOption, parseNameValues } from './name-value.ts';
import { withCluster } from './with-cluster.ts';
import { writeLine } from './write-line.ts';

/** `pipeline plan FILE` */
export function planCommand(): CommandModule {
  return {
    command: 'plan <file>',
    describe: 'show what a run would do and change, by a dry run',
    builder: (yargs) =>
      clusterOptions(yargs)
        .positional('file', { type: 'string', demandOption: true, describe: 'the pipeline file' })
        .option('param', parameterOption)
        .option('output', { choices: ['text', 'json'] as const, default: 'text' as const }),
    handler: async (args) => {
      const parameters = parseNameValues('--param', args['param']);
      const { previewFile } = await import('../app/plan-preview.ts');
      const preview = await withCluster(args, (connection, signal) =>
        previewFile({ file: String(args['file']), parameters, trigger: {}, connection, signal }),
      );
      const text = args['output'] === 'json' ? JSON.stringify(preview) : planText(preview).join('\n');
      await writeLine(process.stdout, text);
    },
  };
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
      release.stable === undefined ? 'first release' : `revision ${String(release.stable)} serves`;
    lines.push('', `${stage}: ${release.application} in ${release.namespace}, ${serves}`);
    const marks = { created: '+', changed: '~', unchanged: ' ', pruned: '-', refused: '!' } as const;
    for (const { reference, change, fields, reason } of release.objects) {
      lines.push(
        `  ${marks[change]} ${reference.kind} ${reference.name} ${change}${reason === undefined ? '' : `: ${reason}`}`,
      );
      for (const field of fields)
        lines.push(`      ${field.path}: ${show(field.before)} → ${show(field.after)}`);
    }
    lines.push('  steps:', ...release.steps.map((step, index) => `    ${String(index + 1)}. ${step}`));
    lines.push(...release.warnings.map((warning) => `  warning: ${warning}`));
  }
  return [...lines, ...warnings];
}

function show(value: unknown): string {
  return value === undefined ? '(none)' : JSON.stringify(value);
}
