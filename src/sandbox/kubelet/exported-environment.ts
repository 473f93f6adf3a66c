import { shellQuoted } from './processes.ts';

/**
 * Variables for a shell to export: not as arguments of a program, which every user of the machine may read. Those that no
 * shell exports are left out; with `command` a shell that keeps one of them for itself (`UID`) continues.
 */
export function exportedEnvironment(environment: Record<string, string>): string {
  const named = Object.entries(environment).filter(([name]) => /^[A-Za-z_]\w*$/.test(name));
  const words = named.map(([name, value]) => `${name}=${shellQuoted([value])}`);
  return words.length === 0 ? '' : `command export ${words.join(' ')}`;
}
