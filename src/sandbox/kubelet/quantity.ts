const suffixFactors: Readonly<Record<string, number>> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/**
 * The number that a Kubernetes quantity stands for, in base units (cores, bytes): `500m` is 0.5, `1Ki` is 1024.
 * Undefined when it is not a quantity. (kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity)
 */
export function quantityToNumber(quantity: string | number): number | undefined {
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(String(quantity));
  const unit = suffixFactors[match?.[2] ?? ''];
  const value = Number(match?.[1]);
  return unit === undefined || Number.isNaN(value) ? undefined : value * unit;
}
