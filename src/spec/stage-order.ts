/** A stage, as far as its place in the graph goes. */
export interface OrderedStage {
  name: string;
  needs?: readonly string[];
}

/**
 * The names that each stage waits for, in written order. A stage with `needs` waits for those alone; one without waits
 * for everything written before it, told by the last of them: those that no other of them waits for.
 */
export function resolveNeeds(stages: readonly OrderedStage[]): Map<string, readonly string[]> {
  const resolved = new Map<string, readonly string[]>();
  for (const [index, stage] of stages.entries()) {
    if (stage.needs !== undefined) {
      resolved.set(stage.name, [...new Set(stage.needs)]);
      continue;
    }
    const before = stages.slice(0, index).map(({ name }) => name);
    const awaited = new Set(before.flatMap((name) => resolved.get(name) ?? []));
    resolved.set(
      stage.name,
      before.filter((name) => !awaited.has(name)),
    );
  }
  return resolved;
}

/** A cycle of the graph as names (`a`, `b`, `a`), or undefined. */
export function findCycle(needs: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (name: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const need of needs.get(name) ?? []) {
      const cycle = visit(need, [...trail, name]);
      if (cycle !== undefined) return cycle;
    }
    done.add(name);
    return undefined;
  };
  for (const name of needs.keys()) {
    const cycle = visit(name, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Everything that a stage waits for, directly or not. */
export function ancestorsOf(name: string, needs: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set<string>();
  const open = [...(needs.get(name) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(needs.get(next) ?? []));
  }
  return found;
}
