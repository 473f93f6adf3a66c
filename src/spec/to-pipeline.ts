import { InternalError } from '../base/errors.ts';
import type {
  AgentSettings,
  ContainerSettings,
  Parameter,
  Pipeline,
  PipelineStage,
  RetryPolicy,
  ServiceSettings,
} from './pipeline.ts';
import type { ParsedDocument } from './schema/document.ts';
import type { ParsedParameter } from './schema/parameters.ts';
import { commonFields } from './schema/stage.ts';
import type { StageDraft } from './stage-draft.ts';

const defaults = { timeoutMs: 3_600_000, startTimeoutMs: 300_000, backoffMs: 5000 } as const;

/** Makes the typed pipeline of a document and stages that were found to be valid, with defaults filled in. */
export function toPipeline(document: ParsedDocument, drafts: readonly StageDraft[]): Pipeline {
  return {
    name: document.name,
    parameters: mapValues(document.parameters ?? {}, toParameter),
    env: document.env ?? {},
    secrets: document.secrets ?? {},
    agent: toAgent(document.agent),
    stages: drafts.filter(({ phase }) => phase === 'main').map(toStage),
    finally: drafts.filter(({ phase }) => phase === 'finally').map(toStage),
    timeoutMs: document.timeout ?? defaults.timeoutMs,
  };
}

function toParameter(parsed: ParsedParameter): Parameter {
  return defined({ ...parsed, required: parsed.required ?? parsed.default === undefined }) as Parameter;
}

function toAgent(parsed: ParsedDocument['agent']): AgentSettings {
  const {
    containers = {},
    services = {},
    cache,
    startTimeout,
    imagePullSecrets = [],
    ...rest
  } = parsed ?? {};
  return defined({
    ...rest,
    containers: mapValues(
      containers,
      (container) => defined({ ...container, env: container.env ?? {} }) as ContainerSettings,
    ),
    services: mapValues(
      services,
      (service) => defined({ ...service, env: service.env ?? {} }) as ServiceSettings,
    ),
    imagePullSecrets,
    cacheClaim: cache?.claim,
    startTimeoutMs: startTimeout ?? defaults.startTimeoutMs,
  }) as AgentSettings;
}

function toStage({ name, kind, common, raw }: StageDraft): PipelineStage {
  if (kind === undefined) throw new InternalError(`stage ${name} was not checked`);
  const input = Object.fromEntries(Object.entries(raw).filter(([key]) => !Object.hasOwn(commonFields, key)));
  return defined({
    name,
    kind: kind.key,
    input,
    needs: common.needs,
    when: common.when,
    matrix: common.matrix,
    retry: toRetry(common.retry),
    timeoutMs: common.timeout,
    allowFailure: common.allowFailure ?? false,
    env: common.env ?? {},
    container: common.container,
  }) as PipelineStage;
}

function toRetry(parsed: StageDraft['common']['retry']): RetryPolicy {
  return {
    max: parsed?.max ?? 0,
    on: parsed?.on ?? ['infrastructure'],
    backoffMs: parsed?.backoff ?? defaults.backoffMs,
  };
}

function mapValues<T, U>(values: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value)]));
}

/** Leaves out the keys that are undefined, so that they are missing and not there without a value. */
function defined(value: Record<string, unknown>): unknown {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}
