/** The pods' network; it exists inside its namespace only, so it can hide nothing of the machine's own. */
export const addressPrefix = '10.213';

/** The relay's address as the pods see it; it is their name server too. */
export const gatewayAddress = `${addressPrefix}.0.1`;

/** How many pods have an address at a time. */
export const lastPodNumber = 62_000;

/** The address of the pod with this number, from 2. */
export function podAddress(number: number): string {
  return `${addressPrefix}.${Math.floor(number / 250)}.${(number % 250) + 2}`;
}
