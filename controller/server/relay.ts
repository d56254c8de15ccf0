import { request as ask, type IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { Problem } from '../../schema/problem.ts'
import type { Exchange } from './routes.ts'

/** On a request that another replica has handed on. */
const relayed = 'x-dyninka-relayed'

/** Until a replica that may be gone is given up. */
const connectMs = 3_000

// [RFC 9110 7.6.1] Of one connection, and of no other.
const ofConnection = ['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade']

/** Hands a request on to the replica that does the work, and its answer back as it comes.
 *  @param to URL of that replica; undefined while none is known @throws Problem when it can't be reached */
export async function relay(
  to: string | undefined,
  { request, response, signal }: Pick<Exchange, 'request' | 'response' | 'signal'>,
): Promise<void> {
  // Two that each take the other for the leader must not play ball.
  if (to === undefined || request.headers[relayed] !== undefined) {
    throw new Problem('NoLeader', 'no replica of the controller leads at the moment', { hint })
  }
  const answer = await answerOf(to, { request, signal })
  response.writeHead(answer.statusCode!, passedOn(answer.headers))
  response.flushHeaders()
  // Whatever ends it early ends the other side early, too: half an answer must not look like a whole one.
  await pipeline(answer, response).catch(() => response.destroy())
}

const hint = 'Try again: another one takes over within 15 s.'

function answerOf(
  to: string,
  { request, signal }: Pick<Exchange, 'request' | 'signal'>,
): Promise<IncomingMessage> {
  const { method, headers } = request
  return new Promise((resolve, reject) => {
    const outgoing = ask(to + request.url, {
      ...(method && { method }),
      headers: { ...passedOn(headers), host: new URL(to).host, [relayed]: '1' },
      agent: false,
      signal,
    })
    const late = setTimeout(() => outgoing.destroy(new Error('it does not answer')), connectMs)
    outgoing.once('socket', socket => socket.once('connect', () => clearTimeout(late)))
    outgoing.once('response', resolve)
    outgoing.once('error', cause => {
      clearTimeout(late)
      const message = `the replica of the controller that leads can't be reached: ${cause.message}`
      reject(new Problem('LeaderUnreachable', message, { hint, cause }))
    })
    request.once('error', () => outgoing.destroy())
    request.pipe(outgoing)
  })
}

const passedOn = (headers: IncomingMessage['headers']) =>
  Object.fromEntries(
    Object.entries(headers).filter(([name, value]) => value !== undefined && !ofConnection.includes(name)),
  )
