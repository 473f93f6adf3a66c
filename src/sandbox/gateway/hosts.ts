/** Any host. */
export const anyHost = '*';

/** Whether a wildcard (`*.shop.test`) has a name below it. */
const isBelow = (wildcard: string, name: string): boolean =>
  wildcard.startsWith('*.') && name !== wildcard && name.endsWith(wildcard.slice(1));

/**
 * The host names that a listener and a route share, each as narrow as the narrower of the two; none when they share none. No name
 * stands for any: https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec
 */
export function sharedHosts(listener: string | undefined, hostnames: readonly string[]): string[] {
  if (hostnames.length === 0) return [listener ?? anyHost];
  if (listener === undefined) return [...hostnames];
  return hostnames.flatMap((name) => {
    if (name === listener || isBelow(listener, name)) return [name];
    return isBelow(name, listener) ? [listener] : [];
  });
}
