import type { Service } from './service-types.ts';

const nodePortHost = '127.0.0.1';

/** The addresses that a Service listens on. */
export function listenAddresses({ spec }: Service): { host: string; port: number; portName: string }[] {
  const tcp = (spec.ports ?? []).filter(({ protocol = 'TCP' }) => protocol === 'TCP');
  const { clusterIP = '', type } = spec;
  const hasAddress = clusterIP !== '' && clusterIP !== 'None' && type !== 'ExternalName';
  return tcp.flatMap(({ name = '', port, nodePort }) => [
    ...(hasAddress ? [{ host: clusterIP, port, portName: name }] : []),
    ...(nodePort === undefined ? [] : [{ host: nodePortHost, port: nodePort, portName: name }]),
  ]);
}
