import { formatMoney, grossCents } from './prices.js';

/** The answer to a GET of a path: status and a body that becomes JSON. */
export function route(path, { version, config }) {
  if (path === '/healthz') return { status: 200, body: { status: 'ok' } };
  if (path === '/version') return { status: 200, body: { version } };
  const article = /^\/prices\/([a-z]+)$/.exec(path)?.[1];
  const cents = article === undefined ? undefined : grossCents(article, config.taxPercent);
  if (cents === undefined) return { status: 404, body: { error: `there is no ${path}` } };
  return { status: 200, body: { article, price: formatMoney(cents, config.currency) } };
}
