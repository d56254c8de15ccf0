import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '../../schema/problem.ts'
import type { BrokerClient } from '../broker/broker-client.ts'
import { dropLetters, readLetters, replayLetters } from '../broker/dead-letters.ts'
import { tap } from '../broker/tap.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'
import type { Reconciler } from '../reconciler.ts'
import { verify } from '../source/index.ts'
import { graphOf } from './graph.ts'
import { Metrics } from './metrics.ts'
import { readBody, readJsonBody, sendJson, sendLines } from './respond.ts'

export interface Services {
  reconciler: Reconciler
  broker: BrokerClient
  orchestrator: Orchestrator
  webhookSecret?: string
}

export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  query: URLSearchParams
  /** Aborts when the client has left. */
  signal: AbortSignal
}

type Route = Record<string, (exchange: Exchange) => unknown>

interface LettersRequest {
  flow: string
  function: string
  ids: string[]
}

export function routes({ reconciler, broker, orchestrator, webhookSecret }: Services): Record<string, Route> {
  const metrics = new Metrics(reconciler)

  const flowOf = (name: string | null | undefined) => {
    const dataflow = reconciler.find(name ?? undefined)
    if (dataflow) return dataflow
    const names = [...reconciler.repository.dataflows.values()].map(({ name }) => name)
    throw new Problem(
      'NoSuchDataflow',
      name ? `there is no dataflow ${name}` : 'say which dataflow with flow=',
      { hint: names.length > 0 ? `There is ${names.join(', ')}.` : 'None has been deployed yet.' },
    )
  }
  const nodeOf = (flow: ReturnType<typeof flowOf>, name: string | null | undefined) => {
    if (!name) return undefined
    const nodes = flow.inventory!.flow.nodes.map(node => node.name)
    if (nodes.includes(name)) return name
    throw new Problem('NoSuchFunction', `${flow.name} has no ${name}`, {
      hint: `It has ${nodes.join(', ')}.`,
    })
  }

  /** A source reads no letters: one handed back to it would be cleared, and lost. */
  const replay: typeof replayLetters = async (_, name, node, ids) => {
    const dataflow = flowOf(name)
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
      count += await replayLetters(broker, name, reader.name, ids)
    }
    return count
  }
  const letters = (action: typeof replayLetters): Route => ({
    async POST({ request, response }) {
      const body = await readJsonBody<LettersRequest>(request)
      const flow = flowOf(body.flow)
      const node = nodeOf(flow, body.function)
      const count = await action(broker, flow.name, node, body.ids)
      reconciler.lettersRead(flow.name, node, body.ids && count)
      sendJson(response, 200, { count })
    },
  })

  return {
    '/api/status': {
      async GET({ response }) {
        sendJson(response, 200, { dataflows: await reconciler.status(), source: reconciler.sourceStatus() })
      },
    },
    '/api/graph': {
      async GET({ response, query }) {
        const flow = flowOf(query.get('flow'))
        sendJson(
          response,
          200,
          await graphOf(
            flow,
            await broker.watch(flow.name, Object.keys(flow.inventory?.sessions ?? {})),
            query.get('rates') !== '0',
          ),
        )
      },
    },
    '/api/observed': {
      async GET({ response, query }) {
        const flow = flowOf(query.get('flow'))
        sendJson(response, 200, await reconciler.observed(flow))
      },
    },
    '/api/logs': {
      async GET({ response, query, signal }) {
        const flow = flowOf(query.get('flow'))
        const options = {
          follow: query.get('follow') === '1',
          lines: numberOf(query.get('lines'), 100),
          signal,
        }
        await sendLines(
          response,
          orchestrator.logs(flow.name, nodeOf(flow, query.get('function')), options),
          signal,
        )
      },
    },
    '/api/tap': {
      async GET({ response, query, signal }) {
        const flow = flowOf(query.get('flow'))
        const node = nodeOf(flow, query.get('function'))
        if (node === undefined) throw new Problem('BadRequest', 'say which function with function=')
        const limit = query.has('limit') ? numberOf(query.get('limit'), 0) : Number.POSITIVE_INFINITY
        const records = tap(broker, {
          flow: flow.name,
          node,
          output: query.get('output') ?? '+',
          limit,
          signal,
        })
        await sendLines(response, records, signal)
      },
    },
    '/api/dead': {
      async GET({ response, query }) {
        const flow = flowOf(query.get('flow'))
        sendJson(response, 200, await readLetters(broker, flow.name, nodeOf(flow, query.get('function'))))
      },
    },
    '/api/dead/replay': letters(replay),
    '/api/dead/drop': letters(dropLetters),
    '/api/reconcile': {
      POST({ response }) {
        reconciler.lookAtSource()
        reconciler.lookAtAll()
        sendJson(response, 202, { accepted: true })
      },
    },
    '/webhook': {
      async POST({ request, response }) {
        const push = verify(request.headers, await readBody(request), webhookSecret ?? '')
        if ('refused' in push) throw new Problem('BadSignature', push.message)
        reconciler.lookAtSource()
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
        const ready = broker.connected && reconciler.repository.revision !== undefined
        sendJson(response, ready ? 200 : 503, { ready })
      },
    },
  }
}

function numberOf(text: string | null, otherwise: number): number {
  if (text === null) return otherwise
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Problem('BadRequest', `${text} is not a number`)
}
