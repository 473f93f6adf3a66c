/**
 * Name of the pod that replaces one of an agent: `main`, `main-2`, `main-3`; a name that another agent of the plan has
 * is left out. Pure.
 */
export function podNameAfter(current: string, agent: string, taken: ReadonlySet<string>): string {
  const suffix = current === agent ? '1' : current.slice(agent.length + 1);
  for (let number = Number(suffix) + 1; ; number += 1) {
    const name = `${agent}-${String(number)}`;
    if (!taken.has(name)) return name;
  }
}
