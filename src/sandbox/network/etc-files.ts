import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mount } from '../kubelet/runtime.ts';
import { gatewayAddress } from './pod-addresses.ts';

/** The files of /etc about the network; a pod with a network of its own asks the relay for names. */
export function etcMounts(folder: string, hostsFile: string, isOwn: boolean): Mount[] {
  const mounts = [{ source: hostsFile, target: '/etc/hosts', readOnly: false }];
  const machines = '/etc/resolv.conf';
  if (!isOwn)
    return existsSync(machines)
      ? [...mounts, { source: machines, target: machines, readOnly: true }]
      : mounts;
  const resolver = join(folder, 'resolv.conf');
  writeFileSync(resolver, `nameserver ${gatewayAddress}\noptions timeout:5 attempts:1\n`);
  return [...mounts, { source: resolver, target: '/etc/resolv.conf', readOnly: false }];
}

/** Rewrites a hosts file in place: the containers have this very file mounted. */
export function writeHosts(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
}
