import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a server does with one request. */
export type HttpAnswer =
  /** Answers, after `delayMs`. */
  | {
      type: 'answer';
      status: number;
      headers?: Record<string, string>;
      body?: string | Buffer;
      delayMs?: number;
    }
  /** Sends the head and some of the body, and then no more. */
  | { type: 'stalls'; body: string }
  /** Closes the connection: before the answer, or after some of a longer body. */
  | { type: 'breaks'; body?: string }
  /** Answers with what it got. */
  | { type: 'echo' };

/** What a server got. */
export interface ReceivedRequest {
  method: string;
  path: string;
  headers: Record<string, string | undefined>;
  body: string;
}

/** A server that does what it is told, one answer a request and path; the last one stays. */
export interface HttpServerDouble {
  /** `http://127.0.0.1:PORT` */
  url: string;
  received: ReceivedRequest[];
  answer: (path: string, ...answers: HttpAnswer[]) => void;
  close(): Promise<void>;
}

/** The next answer for a path or address, whatever its query; 404 where none was given. */
export function takeAnswer(answers: Map<string, HttpAnswer[]>, path: string): HttpAnswer {
  const queue = answers.get(path.replace(/\?.*/, '')) ?? [];
  return (queue.length > 1 ? queue.shift() : queue[0]) ?? { type: 'answer', status: 404 };
}

/** Starts a server on this machine. */
export async function startHttpServer(): Promise<HttpServerDouble> {
  const answers = new Map<string, HttpAnswer[]>();
  const received: ReceivedRequest[] = [];
  const server = createServer((request, response) => void handle(request, response).catch(() => undefined));
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString();
    const path = request.url ?? '';
    const headers = request.headers as Record<string, string | undefined>;
    const got = { method: request.method ?? '', path, headers, body };
    received.push(got);
    await reply(takeAnswer(answers, path), got, response);
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    received,
    answer: (path, ...more) => void answers.set(path, more),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Aborted as soon as the client has gone. */
function closed(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}

async function reply(answer: HttpAnswer, got: ReceivedRequest, response: ServerResponse): Promise<void> {
  switch (answer.type) {
    case 'answer':
      await sleep(answer.delayMs ?? 0, undefined, { signal: closed(response) });
      response.writeHead(answer.status, answer.headers).end(answer.body);
      return;
    case 'echo':
      response.end(got.body);
      return;
    case 'stalls':
      response.writeHead(200, { 'content-length': '1000' }).write(answer.body);
      return;
    case 'breaks':
      if (answer.body === undefined) {
        response.socket?.destroy();
        return;
      }
      response.writeHead(200, { 'content-length': '1000' });
      response.write(answer.body, () => void sleep(20).then(() => response.socket?.destroy()));
  }
}
