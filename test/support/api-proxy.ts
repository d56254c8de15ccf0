import { writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { openAccess } from '../../controller/kubernetes/access.ts'

export interface Fault {
  /** Of requests to which it happens: `GET /api/v1/...`, with the query. */
  on: RegExp
  /** Answers this, and asks nobody. */
  status?: number
  body?: object
  headers?: Record<string, string>
  /** Takes the request, and never answers. */
  silent?: true
  /** Passes the request on, and ends the connection in place of the answer. */
  cut?: true
  /** How often; once when absent. */
  times?: number
}

export interface ApiProxy {
  /** Of a client that goes this way. */
  kubeconfig: string
  /** Every request that came, as `PATCH /apis/…`. */
  requests: string[]
  fail(fault: Fault): void
  /** What is open stays so, and nothing comes through any more. */
  freeze(): void
  /** Ends what is open, and lets pass what comes. */
  thaw(): void
  /** Writes a line into every watch that matches. */
  inject(on: RegExp, event: object): void
  close(): Promise<void>
}

/** The way to a real API server, with faults on it. */
export async function apiProxy(kubeconfig: string, folder: string): Promise<ApiProxy> {
  const access = await openAccess({ kubeconfig })
  const { ca, cert, key } = await access.sign()
  const agent = new https.Agent({ keepAlive: true, ca, cert, key } as https.AgentOptions)
  const faults: (Fault & { times: number })[] = []
  const requests: string[] = []
  const streams = new Map<http.ServerResponse, string>()
  let frozen = false

  const server = http.createServer((request, response) => {
    const line = `${request.method} ${request.url}`
    requests.push(line)
    if (frozen) return
    const fault = faults.find(({ on, times }) => times > 0 && on.test(line))
    if (fault) fault.times -= 1
    if (fault?.silent) return
    if (fault?.status !== undefined) {
      request.resume()
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
      response.end(JSON.stringify(fault.body ?? {}))
      return
    }
    const { host: _, ...headers } = request.headers
    const onward = https.request(
      new URL(request.url!, access.server),
      { method: request.method, headers, agent },
      answer => {
        if (fault?.cut) {
          answer.resume()
          request.socket.destroy()
          return
        }
        response.writeHead(answer.statusCode!, answer.headers)
        if (/[?&]watch=true/.test(line)) streams.set(response, line)
        response.on('close', () => {
          streams.delete(response)
          onward.destroy()
        })
        answer.on('data', chunk => frozen || response.write(chunk))
        answer.on('end', () => frozen || response.end())
        answer.on('error', () => response.destroy())
      },
    )
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const path = join(folder, `proxy-${port}.kubeconfig`)
  writeFileSync(path, JSON.stringify(configOf(port)))
  return {
    kubeconfig: path,
    requests,
    fail: fault => faults.push({ times: 1, ...fault }),
    freeze: () => {
      frozen = true
    },
    thaw() {
      frozen = false
      server.closeAllConnections()
    },
    inject(on, event) {
      for (const [response, line] of streams) if (on.test(line)) response.write(`${JSON.stringify(event)}\n`)
    },
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      agent.destroy()
    },
  }
}

const configOf = (port: number) => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'proxy',
  contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'proxy' } }],
  clusters: [
    {
      name: 'proxy',
      cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true },
    },
  ],
  users: [{ name: 'proxy', user: {} }],
})
