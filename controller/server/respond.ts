import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '../../schema/problem.ts'

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(`${JSON.stringify(body)}\n`)
}

const statuses: Record<string, number> = {
  Unauthorized: 401, ForeignHost: 403, ForeignOrigin: 403, BadSignature: 403, NotFound: 404, NoSuchDataflow: 404,
  NoSuchFunction: 404, NoSuchNode: 404, BadRequest: 400, PlacementImpossible: 409, TooLarge: 413, MethodNotAllowed: 405,
} // biome-ignore format: a table

export function sendProblem(response: ServerResponse, error: unknown): void {
  const {
    reason,
    message,
    hint = '',
  } = error instanceof Problem ? error : { reason: 'InternalError', message: (error as Error).message }
  if (response.headersSent) return void response.destroy()
  if (reason === 'TooLarge') response.setHeader('connection', 'close') // the rest of the body is still on its way
  sendJson(response, statuses[reason] ?? (error instanceof Problem ? 503 : 500), {
    error: { reason, message, hint },
  })
}

/** One line of JSON per item, until the items or the client end. */
export async function sendLines(
  response: ServerResponse,
  items: AsyncIterable<unknown>,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
  response.flushHeaders()
  for await (const item of items) {
    if (signal.aborted) break
    if (!response.write(`${JSON.stringify(item)}\n`))
      await once(response, 'drain', { signal }).catch(() => {})
  }
  response.end()
}

const maxBodyBytes = 1024 * 1024

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBodyBytes) throw new Problem('TooLarge', `the body is larger than ${maxBodyBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export async function readJsonBody<T>(request: IncomingMessage): Promise<Partial<T>> {
  const text = (await readBody(request)).toString()
  if (text === '') return {}
  try {
    const body: unknown = JSON.parse(text)
    if (body !== null && typeof body === 'object') return body as Partial<T>
  } catch {}
  throw new Problem('BadRequest', 'the body is not a JSON object')
}
