import { answered } from '../../controller/kubernetes/api-problem.ts'
import type { KubernetesClient } from '../../controller/kubernetes/client.ts'
import { pathOf, resources } from '../../controller/kubernetes/resource.ts'
import { tokenHeader } from '../../controller/server/access.ts'
import { Problem } from '../../schema/problem.ts'
import { textOf } from '../api/api.ts'
import type { Answer, Carrier, Request } from '../api/carrier.ts'
import { forPeople } from './for-people.ts'

/** Where the controller of a Dataflow is, and what opens its API: the Secret that it writes. */
export interface Door {
  namespace: string
  service: string
  token: string
}

/** Reaches a controller through the API server, which asks whether the user may: `get` of `services/proxy` for what is
 *  only read, `create` for what changes something. */
export class ServiceProxy implements Carrier {
  readonly name: string
  readonly brokenOff = 'Start it again: another replica may lead now.'
  readonly #client: KubernetesClient
  readonly #door: Door
  readonly #dataflow: string

  constructor(client: KubernetesClient, door: Door, dataflow: string) {
    this.name = `the controller (service ${door.service} in ${door.namespace})`
    this.#client = client
    this.#door = door
    this.#dataflow = dataflow
  }

  async send({ method, path, query = {}, body, signal }: Request): Promise<Answer> {
    const { namespace, service, token } = this.#door
    const what = `ask ${this.name}`
    const response = await this.#client
      .answer({
        method,
        path: `${pathOf(resources.Service, { namespace, name: `${service}:http`, subresource: 'proxy' })}${path}`,
        query,
        ...(body !== undefined && { body: JSON.parse(body) as unknown }),
        headers: { [tokenHeader]: token },
        what,
        // Nothing may pass for days. Else the API server, which gives up after 30 s, is to say what it waits for.
        ...(signal ? { signal, timeoutMs: 0 } : { timeoutMs: 45_000 }),
      })
      .catch(forPeople)
    const status = response.statusCode!
    if (status < 300) return { status, body: response }
    const text = await textOf({ body: response as AsyncIterable<Uint8Array> })
    const { kind, error } = parsed(text)
    if (kind === 'Status') return forPeople(this.#refused(status, text))
    if (status === 401) throw this.#locked()
    if (error?.reason === 'NoSuchDataflow') throw this.#unfollowed()
    return { status, body: of(text) }
  }

  /** By the API server. */
  #refused(status: number, text: string): unknown {
    const { message } = parsed(text)
    const { namespace, service } = this.#door
    if (status === 404)
      return new Problem('NoController', `there is no service ${service} in ${namespace}: ${message}`, {
        hint: 'The controller was removed or moved; one that is there takes the Dataflow up, and writes down where it is.',
      })
    if (status >= 500)
      return new Problem('ControllerUnreachable', `${this.name} can't be reached: ${message}`, {
        hint: `See \`kubectl -n ${namespace} get pods\`: does it run, and is it ready?`,
      })
    return answered(`ask ${this.name}`, status, text)
  }

  #unfollowed(): Problem {
    return new Problem('NotFollowed', `${this.name} does not look at ${this.#dataflow} at the moment`, {
      hint: `\`dyninka status ${this.#dataflow}\` says why. When another replica has come to lead, it takes some seconds.`,
    })
  }

  #locked(): Problem {
    return new Problem('Unauthorized', `${this.name} knows nothing of the token for ${this.#dataflow}`, {
      hint: `It was made by an earlier installation; \`dyninka reconcile ${this.#dataflow}\` has it made anew.`,
    })
  }
}

/** Errors of the API server are objects of its API; those of a controller are not. */
function parsed(text: string): { kind?: string; message?: string; error?: { reason?: string } } {
  try {
    return (JSON.parse(text) as object | null) ?? {}
  } catch {
    return {}
  }
}

async function* of(text: string) {
  yield Buffer.from(text)
}
