/** Factors of the suffixes of quantities: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
const factors: Readonly<Record<string, number>> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
};

/**
 * What a refusal by a ResourceQuota means, by the words of the API (the same from 1.20 to 1.36): `passing`: there may be
 * room later; `final`: no waiting helps, the object asks for too much or for nothing. undefined: no quota has refused it.
 */
export function quotaRefusal(message: string): 'passing' | 'final' | undefined {
  if (/must specify (?:[\w./-]+,)*(?:(?:limits|requests)\.|cpu|memory)/.test(message)) return 'final';
  if (message.includes('status unknown for quota')) return 'passing';
  if (!message.includes('exceeded quota')) return undefined;
  const [, requested = '', limited = ''] = /requested: (\S+), used: \S+, limited: (\S+)/.exec(message) ?? [];
  const limits = amounts(limited);
  // A namespace that is closed by a quota of 0 will be opened again.
  const isTooMuch = [...amounts(requested)].some(([name, amount]) => {
    const limit = limits.get(name) ?? 0;
    return limit > 0 && amount > limit;
  });
  return isTooMuch ? 'final' : 'passing';
}

/** `pods=1,limits.cpu=500m` */
function amounts(list: string): Map<string, number> {
  const pairs = list.split(',').map((pair): [string, number] => {
    const [name = '', value = ''] = pair.split('=');
    const [, digits = '', suffix = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(value) ?? [];
    return [name, Number(digits === '' ? NaN : digits) * (factors[suffix] ?? NaN)];
  });
  return new Map(pairs);
}
