/** The time in the form of Kubernetes: whole seconds, UTC. */
export function timestamp(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
