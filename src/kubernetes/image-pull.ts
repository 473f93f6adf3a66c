import { isLoginFor, type PullSecret } from './pull-secret.ts';

/** Pods that take an image which the run pushes with credentials. */
export interface ImagePull {
  /** How people call what makes them: `Deployment shop/web`, `agent main`. */
  workload: string;
  /** Missing where only the cluster tells it. */
  namespace?: string;
  /** With its host: `harbor.example.com/shop/web`. */
  repository: string;
  /** The stage that pushes it. */
  pushedBy: string;
  /** Names of `imagePullSecrets` of the pod template. */
  secrets: readonly string[];
  /** ServiceAccount of the pods, whose `imagePullSecrets` count when the template has none. */
  account: string;
}

/** What is known of the logins for an {@link ImagePull}. */
export interface PullLogins {
  /** `imagePullSecrets` that count, by name. */
  secrets: ReadonlyMap<string, PullSecret>;
  /** Why the ServiceAccount could not be read. */
  hiddenAccount?: string;
  /** Pods of the workload have pulled from the repository already, without any of these. */
  pullsAlready: boolean;
}

/** Whether the pods will have a login, and what is to be done when not. */
export type PullAnswer =
  { state: 'ok'; message: string } | { state: 'missing' | 'notChecked'; message: string; hint: string };

/** Decides whether pods will have a login for the registry that the run pushes to. Says nothing of anonymous pulls. */
export function decidePull(pull: ImagePull, logins: PullLogins): PullAnswer {
  const { workload, repository } = pull;
  const { secrets, hiddenAccount, pullsAlready } = logins;
  const all = [...secrets];
  const good = all.find(([, secret]) => isGood(secret, repository));
  if (good !== undefined)
    return { state: 'ok', message: `${workload} has a login for ${hostOf(repository)}: ${good[0]}` };
  if (pullsAlready)
    return { state: 'ok', message: `${workload} has pulled from ${repository} without a pull secret` };
  const hidden = all.flatMap(([, secret]) => (secret.type === 'hidden' ? [secret.reason] : []));
  const [reason = hiddenAccount] = hidden;
  if (reason !== undefined) {
    const message = `not checked whether ${workload} has a login for ${hostOf(repository)}: ${reason}`;
    return { state: 'notChecked', message, hint: `it needs one: ${pushOf(pull)}` };
  }
  const why =
    all.length === 0
      ? `neither its pod template nor the ServiceAccount ${pull.account} has imagePullSecrets`
      : all.map(([name, secret]) => faultOf(name, secret, pull)).join('; ');
  return { state: 'missing', message: messageOf(pull, why), hint: hintOf(pull, all[0]?.[0]) };
}

/** The same for what the files alone tell: the ServiceAccount in the cluster may have a login. */
export function withoutPullSecret(pull: ImagePull): { message: string; hint: string } {
  const message = messageOf(pull, 'its pod template has no imagePullSecrets');
  return {
    message,
    hint: `unless the ServiceAccount ${pull.account} has them (\`pipeline doctor\` looks), ${remedyOf(pull)}`,
  };
}

function isGood(secret: PullSecret, repository: string): boolean {
  if (secret.type === 'brought') return true;
  return secret.type === 'read' && secret.servers.some((server) => isLoginFor(server, repository));
}

function faultOf(name: string, secret: PullSecret, { namespace = '', repository }: ImagePull): string {
  switch (secret.type) {
    case 'missing':
      return `its pull secret ${name} is not in namespace ${namespace}`;
    case 'wrongType':
      return `its pull secret ${name} is of type ${secret.secretType}, of which the kubelet takes no login`;
    case 'read': {
      const servers = secret.servers.length === 0 ? 'none' : secret.servers.join(', ');
      return `its pull secret ${name} has no login for ${hostOf(repository)}; it has: ${servers}`;
    }
    case 'brought':
    case 'hidden':
      return '';
  }
}

function messageOf(pull: ImagePull, why: string): string {
  return `${pull.workload} may not be able to pull its image: ${why}, and ${pushOf(pull)}`;
}

function pushOf({ pushedBy, repository }: ImagePull): string {
  return `stage ${pushedBy} pushes ${repository} with credentials`;
}

function hintOf(pull: ImagePull, name?: string): string {
  return `unless ${remedyOf(pull, name)}`;
}

function remedyOf({ namespace = 'NAMESPACE', repository }: ImagePull, name?: string): string {
  const host = hostOf(repository);
  const server = host === 'docker.io' ? 'https://index.docker.io/v1/' : host;
  const command = `kubectl create secret docker-registry ${name ?? 'NAME'} --namespace ${namespace} --docker-server=${server} --docker-username=USER --docker-password=PASSWORD`;
  const where =
    name === undefined
      ? ', and name it under imagePullSecrets of the pod template or of the ServiceAccount'
      : '';
  return `nodes have a login or anybody may read there: ${command}${where}`;
}

function hostOf(repository: string): string {
  return repository.split('/')[0] ?? '';
}
