import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Refusal {
  status: number
  headers?: Record<string, string>
  body?: string
}

export interface RegistryProxy {
  host: string
  /** What happens to a request, as `PUT /v2/…`: passed on if nothing is said. `cutAfter` bytes of its body (0 is before the
   *  registry hears of it), or of the answer, the connection ends. */
  rule: (
    line: string,
  ) => Refusal | { cutAfter: number; of: 'request' | 'answer' } | { alter: true } | undefined
  /** To those of an answer. */
  addHeaders: (line: string) => Record<string, string>
  /** Requests so far. */
  lines: string[]
  headers: IncomingHttpHeaders[]
  /** Bytes of bodies so far. */
  received: number
  close(): Promise<void>
}

/** Stands before a registry, as a proxy or a bad network does. */
export async function startRegistryProxy(to: string): Promise<RegistryProxy> {
  const target = new URL(`http://${to}`)
  const server = createServer((incoming, response) => {
    const line = `${incoming.method} ${incoming.url}`
    handle.lines.push(line)
    handle.headers.push(incoming.headers)
    const what = handle.rule(line)
    if (what && 'status' in what) {
      incoming.resume()
      response.writeHead(what.status, what.headers).end(what.body)
      return
    }
    const outgoing = request(
      {
        host: target.hostname,
        port: target.port,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
      },
      answer => {
        response.writeHead(answer.statusCode!, { ...answer.headers, ...handle.addHeaders(line) })
        if (what && 'cutAfter' in what && what.of === 'answer') {
          let passed = 0
          answer.on('data', chunk => {
            passed += chunk.length
            if (passed <= what.cutAfter) response.write(chunk)
            else response.destroy()
          })
          answer.on('end', () => response.destroy())
        } else if (what && 'alter' in what && incoming.method === 'GET') {
          answer.on('data', chunk => response.write(Buffer.alloc(chunk.length, 'x')))
          answer.on('end', () => response.end())
        } else answer.pipe(response)
      },
    )
    outgoing.on('error', () => incoming.socket.destroy())
    let passed = 0
    incoming.on('data', chunk => {
      passed += chunk.length
      handle.received += chunk.length
      if (what && 'cutAfter' in what && what.of === 'request' && passed > what.cutAfter) {
        outgoing.destroy()
        incoming.destroy()
      } else outgoing.write(what && 'alter' in what ? Buffer.alloc(chunk.length, 'x') : chunk)
    })
    incoming.on('end', () => outgoing.end())
    incoming.on('error', () => {})
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const handle: RegistryProxy = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    rule: () => undefined,
    addHeaders: () => ({}),
    lines: [],
    headers: [],
    received: 0,
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
  return handle
}
