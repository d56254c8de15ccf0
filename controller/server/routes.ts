import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '../../schema/problem.ts'
import type { BrokerClient } from '../broker/broker-client.ts'
import { dropLetters, readLetters, replayLetters } from '../broker/dead-letters.ts'
import { tap } from '../broker/tap.ts'
import type { Dataflow } from '../dataflow.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'
import type { Reconciler } from '../reconciler.ts'
import { verify } from '../source/index.ts'
import type { DataflowStatus } from '../status.ts'
import { graphOf } from './graph.ts'
import { measuredIn } from './measured.ts'
import { Metrics } from './metrics.ts'
import { readBody, readJsonBody, sendJson, sendLines } from './respond.ts'
import { telemetryLines } from './telemetry-lines.ts'

/** One repository that is followed. */
export interface Member {
  reconciler: Reconciler
  broker: BrokerClient
  orchestrator: Orchestrator
  /** In a cluster. */
  namespace?: string
  /** Of the Dataflow, in a cluster. */
  uid?: string
}

export interface Services {
  /** All that are followed now. */
  members(): Member[]
  /** Whether it does what it is there for; false answers `/readyz` with 503. */
  isReady(): boolean
  /** Where another replica does the work; absent where this one does. */
  elsewhere?(): { url?: string } | undefined
  webhookSecret?: string
}

export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  query: URLSearchParams
  /** Those that the client may see. */
  members: Member[]
  /** Aborts when the client has left. */
  signal: AbortSignal
}

interface MoveRequest {
  flow: string
  function: string
  /** Neither: where its file says. */
  zone: string
  node: string
}

type Route = Record<string, (exchange: Exchange) => unknown>

/** A dataflow, and through what it is reached. */
type Place = Member & { dataflow: Dataflow; flow: string }

const hourMs = 3_600_000

interface LettersRequest {
  flow: string
  function: string
  ids: string[]
}

export function routes({
  members: everyone,
  isReady,
  webhookSecret,
}: Pick<Services, 'members' | 'isReady' | 'webhookSecret'>): Record<string, Route> {
  const metrics = new Metrics(
    () => statusesOf(everyone()),
    () => measuredIn(everyone()),
  )

  /** @param name as `flow`, or `namespace/flow` where several namespaces have one */
  const placeOf = (members: Member[], name: string | null | undefined) => {
    const all = members.flatMap(member =>
      member.reconciler.all().map(dataflow => ({ ...member, dataflow, flow: dataflow.name })),
    )
    const nameIn = (place: (typeof all)[number]) => [place.flow, `${place.namespace}/${place.flow}`]
    const found = all.filter(place => !name || nameIn(place).includes(name))
    if (found.length === 1) return found[0]!
    const names = all.map(({ flow, namespace }) => (namespace === undefined ? flow : `${namespace}/${flow}`))
    throw new Problem(
      'NoSuchDataflow',
      !name
        ? 'say which dataflow with flow='
        : found.length === 0
          ? `there is no dataflow ${name}`
          : `several dataflows are named ${name}`,
      { hint: names.length > 0 ? `There is ${names.join(', ')}.` : 'None has been deployed yet.' },
    )
  }
  const nodeOf = (flow: Dataflow, name: string | null | undefined) => {
    if (!name) return undefined
    const nodes = flow.inventory!.flow.nodes.map(node => node.name)
    if (nodes.includes(name)) return name
    throw new Problem('NoSuchFunction', `${flow.name} has no ${name}`, {
      hint: `It has ${nodes.join(', ')}.`,
    })
  }

  /** A source reads no letters: one handed back to it would be cleared, and lost. */
  const replay = async ({ broker, dataflow, reconciler }: Place, node?: string, ids?: string[]) => {
    const { nodes } = dataflow.inventory!.flow
    const readers = nodes.filter(each => each.kind !== 'source' && (node === undefined || each.name === node))
    if (node !== undefined && readers.length === 0) {
      throw new Problem('NotReplayable', `${node} is a source: its letters can't be replayed`, {
        hint: 'Send the record again where it came from; `dyninka dead drop` forgets the letter.',
      })
    }
    let count = 0
    for (const reader of readers) {
      reconciler.wake(dataflow, reader.name)
      count += await replayLetters(broker, dataflow.name, reader.name, ids)
    }
    return count
  }
  const drop = ({ broker, flow }: Place, node?: string, ids?: string[]) =>
    dropLetters(broker, flow, node, ids)
  const letters = (action: typeof drop): Route => ({
    async POST({ request, response, members }) {
      const body = await readJsonBody<LettersRequest>(request)
      const place = placeOf(members, body.flow)
      const node = nodeOf(place.dataflow, body.function)
      const count = await action(place, node, body.ids)
      place.reconciler.lettersRead(place.flow, node, body.ids && count)
      sendJson(response, 200, { count })
    },
  })

  return {
    '/api/status': {
      async GET({ response, members }) {
        // Of several, each Dataflow says so itself.
        const source = members.length === 1 ? members[0]!.reconciler.sourceStatus() : { revision: null }
        sendJson(response, 200, { dataflows: await statusesOf(members), source })
      },
    },
    '/api/graph': {
      async GET({ response, query, members }) {
        const { dataflow, broker, flow } = placeOf(members, query.get('flow'))
        const view = await broker.watch(flow, Object.keys(dataflow.inventory?.sessions ?? {}))
        sendJson(response, 200, await graphOf(dataflow, view, query.get('rates') !== '0'))
      },
    },
    '/api/observed': {
      async GET({ response, query, members }) {
        const { dataflow, reconciler } = placeOf(members, query.get('flow'))
        sendJson(response, 200, await reconciler.observed(dataflow))
      },
    },
    '/api/logs': {
      async GET({ response, query, members, signal }) {
        const { dataflow, orchestrator, flow } = placeOf(members, query.get('flow'))
        const options = {
          follow: query.get('follow') === '1',
          lines: numberOf(query.get('lines'), 100),
          signal,
        }
        const node = nodeOf(dataflow, query.get('function'))
        await sendLines(response, orchestrator.logs(flow, node, options), signal)
      },
    },
    '/api/tap': {
      async GET({ response, query, members, signal }) {
        const { dataflow, broker, flow } = placeOf(members, query.get('flow'))
        const node = nodeOf(dataflow, query.get('function'))
        if (node === undefined) throw new Problem('BadRequest', 'say which function with function=')
        const limit = query.has('limit') ? numberOf(query.get('limit'), 0) : Number.POSITIVE_INFINITY
        const records = tap(broker, {
          flow,
          node,
          output: query.get('output') ?? '+',
          limit,
          signal,
        })
        await sendLines(response, records, signal)
      },
    },
    '/api/dead': {
      async GET({ response, query, members }) {
        const { dataflow, broker, flow } = placeOf(members, query.get('flow'))
        sendJson(response, 200, await readLetters(broker, flow, nodeOf(dataflow, query.get('function'))))
      },
    },
    '/api/telemetry': {
      async GET({ response, query, members, signal }) {
        const place = placeOf(members, query.get('flow'))
        const since = Date.now() - numberOf(query.get('sinceMs'), hourMs)
        await sendLines(response, await telemetryLines(place, since), signal)
      },
    },
    '/api/dead/replay': letters(replay),
    '/api/dead/drop': letters(drop),
    '/api/move': {
      async POST({ request, response, members }) {
        const body = await readJsonBody<MoveRequest>(request)
        const { dataflow, reconciler } = placeOf(members, body.flow)
        const node = nodeOf(dataflow, body.function)
        const { zone, node: to } = body
        const isName = (text: unknown) => text === undefined || (typeof text === 'string' && text !== '')
        if (node === undefined || !isName(zone) || !isName(to) || (zone !== undefined && to !== undefined))
          throw new Problem('BadRequest', 'say which function, and a zone or a node')
        const decision = { ...(zone !== undefined && { zone }), ...(to !== undefined && { node: to }) }
        const moved = await reconciler.move(dataflow, node, decision)
        sendJson(response, 200, { moved, ...decision })
      },
    },
    '/api/nodes': {
      async GET({ response, members }) {
        const all = await Promise.all(members.map(({ orchestrator }) => orchestrator.nodeStates()))
        const byName = new Map(all.flat().map(state => [state.name, state]))
        sendJson(response, 200, [...byName.values()])
      },
    },
    '/api/node': {
      async POST({ request, response, members }) {
        const { node, drained } = await readJsonBody<{ node: string; drained: boolean }>(request)
        if (typeof node !== 'string' || typeof drained !== 'boolean')
          throw new Problem('BadRequest', 'say which node, and whether it is drained')
        for (const { orchestrator, reconciler } of members) {
          if (!orchestrator.drain)
            throw new Problem('BadRequest', 'nodes of a cluster are taken out of use there', {
              hint: `\`kubectl drain ${node} --ignore-daemonsets\`, and \`kubectl uncordon ${node}\`.`,
            })
          await orchestrator.drain(node, drained)
          if (drained) reconciler.lookAtAll()
          else await reconciler.welcome(node)
        }
        sendJson(response, 200, { node, drained })
      },
    },
    '/api/reconcile': {
      POST({ response, members }) {
        for (const { reconciler } of members) {
          reconciler.retry()
          reconciler.lookAtSource()
          reconciler.lookAtAll()
        }
        sendJson(response, 202, { accepted: true })
      },
    },
    '/webhook': {
      async POST({ request, response }) {
        const push = verify(request.headers, await readBody(request), webhookSecret ?? '')
        if ('refused' in push) throw new Problem('BadSignature', push.message)
        for (const { reconciler } of everyone()) reconciler.lookAtSource()
        sendJson(response, 202, { accepted: true })
      },
    },
    '/metrics': {
      async GET({ response }) {
        const text = await metrics.read()
        response.writeHead(200, { 'content-type': metrics.contentType }).end(text)
      },
    },
    '/healthz': { GET: ({ response }) => sendJson(response, 200, { ok: true }) },
    '/readyz': {
      GET({ response }) {
        const ready = isReady()
        sendJson(response, ready ? 200 : 503, { ready })
      },
    },
  }
}

/** In a cluster, names are those of namespaces and of dataflows there. */
async function statusesOf(members: Member[]): Promise<DataflowStatus[]> {
  const each = members.map(async ({ reconciler, namespace }) =>
    (await reconciler.status()).map(status => ({ ...status, ...(namespace !== undefined && { namespace }) })),
  )
  return (await Promise.all(each)).flat()
}

function numberOf(text: string | null, otherwise: number): number {
  if (text === null) return otherwise
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Problem('BadRequest', `${text} is not a number`)
}
