import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { Problem } from '../../schema/problem.ts'
import { Access } from './access.ts'
import { relay } from './relay.ts'
import { sendProblem } from './respond.ts'
import { routes, type Services } from './routes.ts'

export interface ServerOptions extends Services {
  address: string
  /** 0: a free one. */
  port: number
  /** Token of an earlier controller, so that clients keep theirs. */
  token?: string
  /** `/metrics` asks for no token. */
  openMetrics?: true
  log: Logger
}

export interface Server {
  url: string
  token?: string
  close(): Promise<void>
}

// Probes and the forge come without a token; the webhook has its signature.
const open = new Set(['/healthz', '/readyz', '/webhook'])
// What is said of this process alone.
const own = new Set(['/healthz', '/readyz', '/metrics'])

/** The controller's API. @throws Problem when the address can't be had */
export async function startServer({
  address,
  port,
  token,
  openMetrics,
  log,
  ...services
}: ServerOptions): Promise<Server> {
  const host = address.includes(':') ? `[${address}]` : address
  const access = new Access(address, token)
  const table = routes(services)
  const server = createServer((request, response) => {
    answer(request, response).catch(error => {
      if (!(error instanceof Problem)) log.error({ err: error, url: request.url }, 'a request failed')
      sendProblem(response, error)
    })
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://controller')
    const isOpen = open.has(url.pathname) || (openMetrics && url.pathname === '/metrics')
    const uid = isOpen ? undefined : access.check(request)
    const route = table[url.pathname]
    if (!route) throw new Problem('NotFound', `there is no ${url.pathname}`)
    const handle = route[request.method === 'HEAD' ? 'GET' : (request.method ?? '')]
    if (!handle)
      throw new Problem('MethodNotAllowed', `${url.pathname} takes ${Object.keys(route).join(' or ')}`)
    const left = new AbortController()
    response.on('close', () => left.abort())
    const exchange = { request, response, signal: left.signal }
    const elsewhere = own.has(url.pathname) ? undefined : services.elsewhere?.()
    if (elsewhere) return relay(elsewhere.url, exchange)
    const all = services.members()
    const members = uid === undefined ? all : all.filter(member => member.uid === uid)
    await handle({ ...exchange, query: url.searchParams, members })
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new Problem('CannotListen', `cannot listen on ${host}:${port}: ${error.code}`, {
          cause: error,
          disposition: 'stalled',
          hint:
            error.code === 'EADDRINUSE'
              ? 'Another program has it; give another one with --listen.'
              : 'Give another one with --listen.',
        }),
      ),
    )
    server.listen(port, address, resolve)
  })
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    ...(access.token !== undefined && { token: access.token }),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
