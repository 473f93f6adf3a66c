import { execFile } from 'node:child_process';
import { accessSync, chmodSync, constants, existsSync, mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const probeDeadlineMs = 5_000;

/** What this machine lets an ordinary process do; found out by trying it once. */
export interface Machine {
  /** Absolute paths of the system's tools. */
  tools: Partial<Record<Tool, string>>;
  /** Mount, process and user namespaces work: a container has file systems and process ids of its own. */
  namespaces: boolean;
  /** Network namespaces with a bridge work too: a pod that listens has a network of its own. */
  podNetworks: boolean;
  /** Options of `unshare` and `nsenter` that an unprivileged user needs; root needs none. */
  unshareUser: readonly string[];
  enterUser: readonly string[];
}

const toolNames = ['unshare', 'nsenter', 'mount', 'ip', 'script', 'setpriv', 'sh'] as const;
export type Tool = (typeof toolNames)[number];

/** Where the system's tools are looked for after PATH: an ordinary user's PATH often lacks the sbin folders. */
const systemPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Tries what the kubelet would do with namespaces, in a scratch folder of `stateFolder`; about 30 ms. */
export async function probeMachine(
  stateFolder: string,
  isolation: 'auto' | 'none' = 'auto',
): Promise<Machine> {
  const tools = findTools();
  const root = process.getuid?.() === 0;
  const machine: Machine = {
    tools,
    namespaces: false,
    podNetworks: false,
    unshareUser: root ? [] : ['--user', '--map-root-user'],
    enterUser: root ? [] : ['--user', '--preserve-credentials'],
  };
  if (isolation === 'none' || process.platform !== 'linux') return machine;
  const { unshare, nsenter, mount, ip, sh } = tools;
  if ([unshare, nsenter, mount, sh].includes(undefined)) return machine;
  machine.namespaces = await tryMounts(machine, stateFolder);
  machine.podNetworks = machine.namespaces && ip !== undefined && (await tryNetwork(machine, ip));
  return machine;
}

function findTools(): Machine['tools'] {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...systemPath];
  const tools: Machine['tools'] = {};
  for (const tool of toolNames) {
    const path = folders.map((folder) => join(folder, tool)).find(isExecutable);
    if (path !== undefined) tools[tool] = path;
  }
  return tools;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function tryMounts({ tools, unshareUser }: Machine, stateFolder: string): Promise<boolean> {
  mkdirSync(stateFolder, { recursive: true });
  const scratch = mkdtempSync(join(stateFolder, 'probe-'));
  for (const folder of ['upper', 'work', 'root', 'root/proc']) mkdirSync(join(scratch, folder));
  const script = `cd "$1" && "$2" -t proc proc root/proc && "$2" -t overlay -o lowerdir=/etc,upperdir=upper,workdir=work overlay root`;
  const unshare = [...unshareUser, '--mount', '--pid', '--uts', '--fork', '--kill-child'];
  try {
    return await succeeds(tools.unshare, [
      ...unshare,
      tools.sh ?? '',
      '-c',
      script,
      'sh',
      scratch,
      tools.mount ?? '',
    ]);
  } finally {
    // overlayfs leaves a folder that even its owner may not read.
    if (existsSync(join(scratch, 'work/work'))) chmodSync(join(scratch, 'work/work'), 0o700);
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function tryNetwork({ tools, unshareUser }: Machine, ip: string): Promise<boolean> {
  const script = `"$1" link add br0 type bridge && "$1" link add v0 type veth peer name v1 && echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet`;
  return succeeds(tools.unshare, [...unshareUser, '--net', tools.sh ?? '', '-c', script, 'sh', ip]);
}

async function succeeds(command: string | undefined, commandArguments: string[]): Promise<boolean> {
  if (command === undefined) return false;
  try {
    await run(command, commandArguments, { timeout: probeDeadlineMs });
    return true;
  } catch {
    // That it does not work here is the answer.
    return false;
  }
}
