import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from './wait-for.ts';

/** A Prometheus of this machine (Debian's package) that scrapes what a test says. */
export interface TestPrometheus {
  address: string;
  /** Sets the metrics, and waits until Prometheus has scraped them. */
  expose(metrics: Readonly<Record<string, number>>): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one. @throws Error when `prometheus` is not installed */
export async function startPrometheus(): Promise<TestPrometheus> {
  let text = '';
  const exporter = createServer((_, response) => response.end(text));
  const scraped = await listen(exporter);
  const directory = await mkdtemp(join(tmpdir(), 'slipway-prometheus-'));
  const config = join(directory, 'prometheus.yml');
  const job = { job_name: 'test', scrape_interval: '200ms', scrape_timeout: '200ms' };
  const scrape = { ...job, static_configs: [{ targets: [`127.0.0.1:${String(scraped)}`] }] };
  await writeFile(config, JSON.stringify({ scrape_configs: [scrape] }));
  const port = await freePort();
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${String(port)}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = once(child, 'close');
  const failed = once(child, 'error').then(([error]) => {
    throw error as Error;
  });
  failed.catch(() => undefined);
  const address = `http://127.0.0.1:${String(port)}`;
  const stop = async () => {
    child.kill('SIGKILL');
    await Promise.race([ended, failed]).catch(() => undefined);
    exporter.closeAllConnections();
    exporter.close();
    await rm(directory, { recursive: true, force: true });
  };
  const valueOf = async (query: string): Promise<string | undefined> => {
    const response = await fetch(`${address}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
    return data.result[0]?.value[1];
  };
  try {
    const ready = () =>
      fetch(`${address}/-/ready`).then(
        ({ ok }) => (ok ? true : undefined),
        () => undefined,
      );
    await Promise.race([failed, waitFor('Prometheus', ready)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    address,
    expose: async (metrics) => {
      text = Object.entries(metrics)
        .map(([series, value]) => `${series} ${String(value)}\n`)
        .join('');
      for (const [series, value] of Object.entries(metrics))
        await waitFor(`the scrape of ${series}`, async () =>
          (await valueOf(series)) === String(value) ? true : undefined,
        );
    },
    stop,
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
