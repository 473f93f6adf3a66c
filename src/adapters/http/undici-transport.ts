import { defined } from '../../base/defined.ts';
import { getCACertificates } from 'node:tls';
import { Agent, EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import { HttpError, type HttpTrust } from '../../ports/http.ts';
import type { Exchange, ExchangeAnswer, Transport } from './transport.ts';

const connectTimeoutMs = 15_000;

/** Connections by undici; proxies as the environment names them. */
export function undiciTransport(environment: NodeJS.ProcessEnv): Transport {
  const dispatchers = new Map<string, Dispatcher>();
  const dispatcherFor = (url: URL, trust: HttpTrust): Dispatcher => {
    const direct = isLoopback(url.hostname);
    const key = JSON.stringify([direct, trust.skipTlsVerify === true, trust.ca]);
    const known = dispatchers.get(key);
    if (known !== undefined) return known;
    const made = direct ? new Agent({ connect: connectOptions(trust) }) : throughProxy(trust, environment);
    dispatchers.set(key, made);
    return made;
  };
  return {
    async exchange({ url, trust, silenceMs, body, ...exchange }: Exchange): Promise<ExchangeAnswer> {
      const { statusCode, headers, ...answer } = await request(url, {
        ...exchange,
        ...defined({ body }),
        dispatcher: dispatcherFor(url, trust),
        headersTimeout: silenceMs,
        bodyTimeout: silenceMs,
      });
      return { status: statusCode, headers: joined(headers), body: answer.body };
    },
    async close(): Promise<void> {
      const open = [...dispatchers.values()];
      dispatchers.clear();
      await Promise.all(open.map((dispatcher) => dispatcher.destroy()));
    },
  };
}

function connectOptions({ ca, skipTlsVerify }: HttpTrust) {
  return {
    timeout: connectTimeoutMs,
    ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }),
    ...(skipTlsVerify === true ? { rejectUnauthorized: false } : {}),
  };
}

function throughProxy(trust: HttpTrust, environment: NodeJS.ProcessEnv): Dispatcher {
  const connect = connectOptions(trust);
  const { timeout: _timeout, ...requestTls } = connect;
  const variable = (name: string) => environment[name] ?? environment[name.toUpperCase()] ?? '';
  try {
    return new EnvHttpProxyAgent({
      connect,
      requestTls,
      httpProxy: variable('http_proxy'),
      httpsProxy: variable('https_proxy'),
      noProxy: variable('no_proxy'),
    });
  } catch {
    // The error itself has the address, and with it a password, perhaps.
    throw new HttpError('invalid', 'proxy', 'HTTP_PROXY or HTTPS_PROXY is not a URL');
  }
}

/** `localhost`, 127.0.0.0/8 or `[::1]`. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function joined(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
  );
}
