// Serves one page on this machine's own address, to nobody else.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MelstromError, messageOf } from '../base/errors.js';

const LOOPBACK = '127.0.0.1';

export interface PageServer {
  readonly url: string;
  /** Serves until the signal aborts, then closes. */
  until(signal: AbortSignal): Promise<void>;
}

/** @throws MelstromError when the port is taken */
export async function servePage(html: string, port: number): Promise<PageServer> {
  const server = createServer((request, response) => answer(request, { response, html }));
  await new Promise<void>((settle, fail) => {
    server.once('error', (cause) => fail(new MelstromError({ kind: 'usage', where: '--port', got: `${port}, which can't be used (${messageOf(cause)})`, expected: 'a free port', fix: 'Leave it out to take any.', cause })));
    server.listen(port, LOOPBACK, settle);
  });
  const url = `http://${LOOPBACK}:${(server.address() as AddressInfo).port}/`;
  return {
    url,
    async until(signal) {
      if (!signal.aborted) await new Promise((settle) => signal.addEventListener('abort', settle, { once: true }));
      server.closeAllConnections();
      await new Promise((settle) => server.close(settle));
    },
  };
}

function answer(request: IncomingMessage, { response, html }: { readonly response: ServerResponse; readonly html: string }): void {
  const isOurs = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? ''); // another name that leads here is another site's trick
  const status = !isOurs ? 403 : request.url !== '/' ? 404 : !['GET', 'HEAD'].includes(request.method ?? '') ? 405 : 200;
  response.writeHead(status, { 'content-type': status === 200 ? 'text/html; charset=utf-8' : 'text/plain', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  response.end(status === 200 && request.method === 'GET' ? html : undefined);
}
