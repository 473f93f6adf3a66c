import { isIP } from 'node:net';
import { HttpLayer } from './http-layer.ts';
import { readAddress, redirectKubeconfig } from './kubeconfig.ts';
import { TcpGate } from './tcp-gate.ts';

/** A way to an API server on which its connections can be harmed. */
export interface TcpProxy {
  /** A kubeconfig that goes through the proxy. */
  kubeconfig: string;
  tcp: TcpGate;
  close(): Promise<void>;
}

/** The same, and its requests can be harmed too. */
export interface ApiProxy extends TcpProxy {
  http: HttpLayer;
}

/** Starts a proxy before the API server of a kubeconfig. TLS goes through it untouched. */
export async function startTcpProxy(kubeconfig: string): Promise<TcpProxy> {
  const { host, port, cluster } = await readAddress(kubeconfig);
  const tcp = await TcpGate.start({ host, port });
  const config = await redirectKubeconfig(kubeconfig, {
    // The certificate is checked against the name that it was before; an address cannot be sent as one.
    ...(isIP(host) === 0 ? { 'tls-server-name': host } : {}),
    ...cluster,
    server: `${new URL(cluster.server).protocol}//127.0.0.1:${String(tcp.port)}`,
  });
  return {
    kubeconfig: config.file,
    tcp,
    async close() {
      await tcp.close();
      await config.remove();
    },
  };
}

/** Starts a proxy that ends TLS and adds the credentials of the kubeconfig. */
export async function startApiProxy(kubeconfig: string): Promise<ApiProxy> {
  const http = await HttpLayer.start(await readAddress(kubeconfig));
  const tcp = await TcpGate.start({ host: '127.0.0.1', port: http.port });
  const config = await redirectKubeconfig(kubeconfig, { server: `http://127.0.0.1:${String(tcp.port)}` });
  return {
    kubeconfig: config.file,
    tcp,
    http,
    async close() {
      await tcp.close();
      await http.close();
      await config.remove();
    },
  };
}
