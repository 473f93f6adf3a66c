/** What a policy can limit. */
interface RuleDefinition {
  /** For people and editors. */
  description: string;
  /** What is limited, as messages call it. */
  subject: string;
  /** `switch`: true or false in the file. `fields`: patterns of field paths, with dots. */
  form?: 'switch' | 'fields';
  /** Fields that match are refused; all other rules tell what is allowed. */
  refuses?: true;
  /** What to write instead, where none is allowed. */
  instead?: string;
}

/** What pods may have, for the agent's pod and for those that are released. */
const podRules = <G extends 'agent' | 'deploy'>(group: G, whose: string) =>
  ({
    [`${group}.images`]: {
      description: `Images of ${whose}: docker.io/library/node, registry.example.com/ci/**.`,
      subject: 'image',
    },
    [`${group}.privileged`]: {
      description: `Whether containers of ${whose} may be privileged, a Windows host process, or without seccomp, AppArmor or the masks of /proc.`,
      subject: 'a privileged container',
      form: 'switch',
    },
    [`${group}.hostNamespaces`]: {
      description: `Namespaces of the node that ${whose} may share: network (host ports, too), pid, ipc.`,
      subject: 'host namespace',
    },
    [`${group}.hostPaths`]: {
      description: `Paths of the node that ${whose} may mount.`,
      subject: 'hostPath',
    },
    [`${group}.volumes`]: {
      description: `Kinds of volumes of ${whose}: emptyDir, configMap, hostPath …`,
      subject: 'a volume of kind',
    },
    [`${group}.serviceAccounts`]: {
      description: `Service accounts that ${whose} may name.`,
      subject: 'service account',
    },
    [`${group}.capabilities`]: {
      description: `Capabilities that containers of ${whose} may add: NET_BIND_SERVICE …`,
      subject: 'capability',
    },
  }) as Record<`${G}.${PodRule}`, RuleDefinition>;

type PodRule =
  'images' | 'privileged' | 'hostNamespaces' | 'hostPaths' | 'volumes' | 'serviceAccounts' | 'capabilities';

const definitions = {
  clusters: {
    description: 'Contexts of the kubeconfig, in-cluster and sandbox.',
    subject: 'cluster',
  },
  'secrets.env': { description: 'Variables of the runner’s environment.', subject: 'environment variable' },
  'secrets.files': { description: 'Files of the runner’s machine, absolute.', subject: 'file' },
  'secrets.kubernetes': {
    description: 'Secrets of the cluster as NAMESPACE/NAME, those that podTemplate names, too.',
    subject: 'Secret',
  },
  'checkout.urls': {
    description: 'Repositories: https://git.example.com/shop/**, ssh://HOST/PATH, file:///PATH.',
    subject: 'checkout URL',
  },
  'agent.namespaces': { description: 'Namespaces that agent pods run in.', subject: 'agent namespace' },
  'agent.claims': { description: 'PersistentVolumeClaims, the cache’s, too.', subject: 'volume claim' },
  ...podRules('agent', 'the agent pod'),
  'agent.podTemplate.allow': {
    description: 'Fields that agent.podTemplate may have, with all below them: spec.tolerations.',
    subject: 'field',
    form: 'fields',
  },
  'agent.podTemplate.deny': {
    description: 'Fields that agent.podTemplate may not have.',
    subject: 'field',
    form: 'fields',
    refuses: true,
  },
  'image.repositories': {
    description: 'Repositories that images are pushed to, and cacheFrom is pulled from.',
    subject: 'image repository',
  },
  'image.engines': {
    description:
      'Docker Engines: runner (the one of the runner’s machine), or addresses such as tcp://HOST:2376.',
    subject: 'Docker Engine',
    instead: 'write `builder: layers`, which needs none',
  },
  'deploy.namespaces': { description: 'Namespaces that are released to.', subject: 'namespace' },
  'deploy.kinds': {
    description: 'Kinds of objects: Deployment, apps/*, …',
    subject: 'an object of kind',
  },
  'deploy.clusterKinds': {
    description:
      'Kinds of objects that lie in no namespace. Default where deploy.namespaces is limited: none but a Namespace that it allows.',
    subject: 'an object without a namespace of kind',
  },
  ...podRules('deploy', 'pods in manifests'),
  'verify.hosts': {
    description:
      'Hosts, or HOST:PORT, that verify and analyses of releases ask; the redirects they follow, too.',
    subject: 'host',
  },
} satisfies Record<string, RuleDefinition>;

/** The path of a limit in a policy file. */
export type RuleName = keyof typeof definitions;

/** Every limit, in the order of the documentation. */
export const ruleDefinitions: Readonly<Record<RuleName, RuleDefinition>> = definitions;

/** Names of all limits. */
export const ruleNames = Object.keys(definitions) as readonly RuleName[];
