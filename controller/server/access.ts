import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { Problem } from '../../schema/problem.ts'
import { isSame, uidOf } from './token.ts'

/** A proxy on the way may take `authorization` for its own, as the API server of a cluster does. */
export const tokenHeader = 'x-dyninka-token'

/** Who may use the API: on a loopback address whoever is on this machine, elsewhere who has the token, or one of a
 *  Dataflow. */
export class Access {
  readonly token?: string

  constructor(address: string, known?: string) {
    if (!isLoopback(address)) this.token = known ?? randomBytes(32).toString('base64url')
  }

  /** @returns the uid of the Dataflow that is all it may see; undefined when it may see all
   *  @throws Problem when the request must not be answered */
  check({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
    if (this.token === undefined) {
      // A web page may send requests here under a name of its own that resolves to 127.0.0.1 (DNS rebinding),
      // or as another origin; neither is what a tool of this machine does.
      if (!isLoopback(hostnameOf(headers.host ?? '')))
        throw new Problem('ForeignHost', 'this API answers to localhost only')
      if (headers.origin !== undefined && !isLoopback(originHost(headers.origin))) {
        throw new Problem('ForeignOrigin', 'this API does not answer to other web sites')
      }
      return undefined
    }
    const given = [headers[tokenHeader] ?? headers.authorization?.replace(/^Bearer /, '') ?? ''].flat()[0]!
    if (isSame(given, this.token)) return undefined
    const uid = uidOf(this.token, given)
    if (uid !== undefined) return uid
    throw new Problem('Unauthorized', 'the token is missing or wrong', {
      hint: 'Send `authorization: Bearer TOKEN`; the token is in controller.json in the state folder.',
    })
  }
}

export const isLoopback = (host: string) =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

const hostnameOf = (host: string) => host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')

const originHost = (origin: string) => (URL.canParse(origin) ? hostnameOf(new URL(origin).host) : '')
