import { defined } from '../../base/defined.ts';

/**
 * A Node program of a pod that shares the machine's network listens on the pod's address instead of on all of them, so
 * that replicas may listen on the same port; what it connects to on `localhost` it looks for there first; and it knows
 * the names of the pod's hosts file.
 */
const hookSource = `
import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { syncBuiltinESMExports } from 'node:module';
const address = process.env.SLIPWAY_POD_ADDRESS;
const hosts = process.env.SLIPWAY_POD_HOSTS;
const everywhere = new Set([undefined, null, '', '0.0.0.0', '::']);
const local = new Set(['localhost', '127.0.0.1', '::1']);
if (address) {
  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (first, ...rest) {
    if (first !== null && typeof first === 'object' && first.port !== undefined && everywhere.has(first.host))
      return listen.call(this, { ...first, host: address }, ...rest);
    const isPort = typeof first === 'number' || (typeof first === 'string' && /^[0-9]+$/.test(first));
    if (isPort && typeof rest[0] === 'string' && everywhere.has(rest[0])) rest[0] = address;
    else if (isPort && typeof rest[0] !== 'string') rest = [address, ...rest.filter((value) => value != null)];
    return listen.call(this, first, ...rest);
  };
  const connect = net.Socket.prototype.connect;
  const both = [address, '127.0.0.1'].map((one) => ({ address: one, family: 4 }));
  net.Socket.prototype.connect = function (...given) {
    const normalized = Array.isArray(given[0]) ? given[0] : net._normalizeArgs(given);
    const options = normalized[0];
    if (options && options.port !== undefined && local.has(options.host ?? 'localhost')) {
      const lookup = (name, wanted, done) => (wanted.all ? done(null, both) : done(null, address, 4));
      normalized[0] = { ...options, host: 'localhost', autoSelectFamily: true, lookup };
    }
    return connect.call(this, normalized);
  };
}
if (hosts) {
  const lookup = dns.lookup;
  dns.lookup = (name, options, done) => {
    const [wanted, callback] = typeof options === 'function' ? [{}, options] : [options ?? {}, done];
    const line = readFileSync(hosts, 'utf8').split('\\n').find((row) => row.split(/\\s+/).slice(1).includes(name));
    if (line === undefined || local.has(name)) return lookup(name, options, done);
    const found = line.split(/\\s+/)[0];
    process.nextTick(() => (wanted.all ? callback(null, [{ address: found, family: 4 }]) : callback(null, found, 4)));
  };
}
syncBuiltinESMExports();
`;

/** The environment that gives Node programs the hook; `hostsFile` where the pod's hosts file is not at /etc/hosts. */
export function nodeHookEnvironment(address: string, hostsFile: string | undefined): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hookSource)}`,
    SLIPWAY_POD_ADDRESS: address,
    ...defined({ SLIPWAY_POD_HOSTS: hostsFile }),
  };
}
