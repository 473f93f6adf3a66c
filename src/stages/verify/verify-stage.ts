import { defined } from '../../base/defined.ts';
import { parseDuration } from '../../base/duration.ts';
import { InputError } from '../../base/errors.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { PodAccess } from '../../ports/pod-access.ts';
import type { StageContext, StageKind, StageResult } from '../../ports/stage.ts';
import type { CheckResult } from './check-result.ts';
import { verifyDefinition } from './definition.ts';
import type { AdmitHost } from '../../probes/open-connection.ts';
import { checkScript } from './script-check.ts';
import { rollBackHint } from './earlier-releases.ts';
import type { RollBackDependencies } from './roll-back.ts';
import type { HttpCheck, VerifySettings } from './settings.ts';

/** What the stage works with. */
export interface VerifyDependencies {
  cluster: Cluster;
  pods: Pick<PodAccess, 'connect'>;
  admit?: AdmitHost;
  rollBack: RollBackDependencies;
}

/** A verify stage as parsed. */
export interface VerifyInput {
  verify: VerifySettings;
}

/** The stage kind `verify`: asks what was released whether it works. */
export function verifyStage(dependencies: VerifyDependencies): StageKind<VerifyInput> {
  return {
    definition: verifyDefinition,
    run: ({ verify }, context) => runVerify(verify, dependencies, context),
  };
}

async function runVerify(
  settings: VerifySettings,
  dependencies: VerifyDependencies,
  context: StageContext,
): Promise<StageResult> {
  const { clock, signal, stage } = context;
  const attempts = 1 + (settings.retries ?? 0);
  const intervalMs = parseDuration(settings.interval ?? '2s');
  const headers = await headersOf(settings.http, context);
  for (let attempt = 1; ; attempt++) {
    const result = await checkOnce(settings, { ...dependencies, headers, attempt }, context);
    await context.emit({ type: 'verify.attempt', stage: stage.name, attempt, ...result });
    const outputs = { attempts: String(attempt) };
    if (result.passed) return { outcome: 'succeeded', outputs, environment: {} };
    if (attempt === attempts) {
      const times = attempts === 1 ? '' : ` (${String(attempts)} attempts)`;
      const ended = await failed(`${result.message}${times}`, settings, dependencies, context);
      return { ...ended, outputs, environment: {} };
    }
    await clock.sleep(intervalMs, { signal });
  }
}

async function failed(
  message: string,
  { onFailure }: VerifySettings,
  { cluster, rollBack }: VerifyDependencies,
  context: StageContext,
): Promise<Pick<StageResult, 'outcome' | 'message' | 'hint'>> {
  if (onFailure === 'rollback') {
    const { rollBackReleases } = await import('./roll-back.ts');
    return rollBackReleases(message, rollBack, context);
  }
  const hint = rollBackHint(context.outputs, cluster.identity.name);
  return { outcome: 'failed', message, ...defined({ hint }) };
}

/** Clients are loaded when they are needed: Node's HTTP costs more than all else that reading a file takes. */
async function checkOnce(
  { http, tcp, script }: VerifySettings,
  {
    headers,
    attempt,
    ...dependencies
  }: VerifyDependencies & { headers: Record<string, string>; attempt: number },
  context: StageContext,
): Promise<CheckResult> {
  const reach = { ...dependencies, namespace: context.run.namespace, turn: attempt - 1 };
  if (http !== undefined) {
    const { checkHttp } = await import('./http-check.ts');
    return checkHttp(http, headers, reach, context);
  }
  if (tcp !== undefined) {
    const { checkTcp } = await import('./tcp-check.ts');
    return checkTcp(tcp, reach, context);
  }
  if (script !== undefined) return checkScript(script, context, attempt);
  throw new InputError('verify needs one of http, tcp, script');
}

async function headersOf(
  http: HttpCheck | undefined,
  context: StageContext,
): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(http?.headers ?? {})) {
    headers[name] = typeof value === 'string' ? value : await secretValue(value, context);
  }
  return headers;
}

async function secretValue(
  { secret, key }: { secret: string; key?: string | undefined },
  { secrets, signal }: StageContext,
): Promise<string> {
  const data = await secrets.read(secret, { signal });
  const [only] = data.size === 1 ? [...data.values()] : [];
  const value = key === undefined ? only : data.get(key);
  if (value === undefined) {
    const keys = [...data.keys()].join(', ');
    throw new InputError(
      key === undefined ? `secret ${secret} has several keys` : `secret ${secret} has no key ${key}`,
      { hint: `name one of its keys: ${keys}` },
    );
  }
  return value.toString('utf8').trim();
}
