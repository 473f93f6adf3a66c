const netCents = new Map([
  ['anchor', 125_000],
  ['buoy', 8_990],
  ['rope', 1_250],
]);

/** The price of an article with tax, in cents; undefined when there is no such article. */
export function grossCents(article, taxPercent) {
  const net = netCents.get(article);
  return net === undefined ? undefined : Math.round((net * (100 + taxPercent)) / 100);
}

/** Cents as money: 12345 EUR is "123.45 EUR". */
export function formatMoney(cents, currency) {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')} ${currency}`;
}
