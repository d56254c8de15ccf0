import { Problem } from '../../schema/problem.ts'
import { momentsOf } from './moments.ts'
import { mostEver } from './schema-parts.ts'
import { given, type Table, type Window } from './window.ts'

export interface PrometheusQuestion {
  /** Base URL; a user and a password in it are sent as such, and told nobody. */
  url: string
  /** As the metrics of the controller label it. */
  dataflow: string
  /** ms since the epoch. */
  since: number
  now: number
  signal?: AbortSignal
}

const minuteMs = 60_000
/** Up to this span windows have a minute, and ten minutes beyond, as those that are kept. */
const byMinuteMs = 6 * 3_600_000
const timeoutMs = 30_000
/** Prometheus gives 11,000 at most. */
const maxWindows = 10_000
const maxBytes = 64 * 1024 * 1024

/** What is asked for: the mean over each window of what the controller's `/metrics` said, at `docs/telemetry.md`. */
const metrics = {
  records: 'dyninka_edge_records_per_second',
  bytes: 'dyninka_edge_bytes_per_second',
  outsideRecords: 'dyninka_outside_records_per_second',
  outsideBytes: 'dyninka_outside_bytes_per_second',
  hosts: 'dyninka_node_hosts',
  cpu: 'dyninka_host_cpu_cores',
  memory: 'dyninka_host_resident_bytes',
  busy: 'dyninka_host_busy_ratio',
  calls: 'dyninka_function_calls_per_second',
  handler: 'dyninka_function_handler_seconds',
  stored: 'dyninka_host_stored_bytes',
  roundTrip: 'dyninka_broker_round_trip_seconds',
} as const
type Metric = keyof typeof metrics

interface Series {
  metric: Record<string, string>
  /** Seconds since the epoch, and the figure as text. */
  values: [number, string][]
}

/**
 * Windows of telemetry from a Prometheus that scrapes the controller, each figure one sample. Latencies are not among
 * them: quantiles of several windows can't be put together. What is negative, infinite or no number is left out.
 *
 * @returns oldest first @throws Problem where it does not answer, or refuses
 */
export async function askPrometheus(question: PrometheusQuestion): Promise<Window[]> {
  const { dataflow, now } = question
  const stepMs = now - question.since > byMinuteMs ? 10 * minuteMs : minuteMs
  const since = Math.max(question.since, now - maxWindows * stepMs)
  const names = Object.keys(metrics) as Metric[]
  const answers = await Promise.all(
    names.map(name => seriesOf({ ...question, since }, metrics[name], stepMs)),
  )
  const windows = new Map<number, Found>()
  for (const [i, name] of names.entries())
    for (const { metric, values } of answers[i]!)
      for (const [at, text] of values) {
        const value = Number(text)
        if (metric.dataflow !== dataflow || !(value >= 0 && value <= mostEver)) continue
        const found = windows.get(at) ?? new Found(at * 1000 - stepMs, stepMs)
        windows.set(at, found)
        found.take(name, metric, value)
      }
  return [...windows.values()].map(found => found.window).toSorted((a, b) => a.start - b.start)
}

/** Of one stretch of time, what was found. */
class Found {
  #start: number
  #lengthMs: number
  /** By kind, and by the two labels that tell series of it apart. */
  #values = new Map<Metric, Map<string, [a: string, b: string, value: number]>>()

  constructor(start: number, lengthMs: number) {
    this.#start = start
    this.#lengthMs = lengthMs
  }

  take(name: Metric, labels: Record<string, string>, value: number): void {
    const [a, b] = labelled(name, labels)
    if (a === undefined || b === undefined) return
    const all = this.#values.get(name) ?? new Map()
    this.#values.set(name, all)
    // Two controllers in turn: the later one goes on.
    all.set(JSON.stringify([a, b]), [a, b, value])
  }

  get window(): Window {
    const window: Window = {
      v: 1,
      start: this.#start,
      lengthMs: this.#lengthMs,
      edges: {},
      functions: {},
      outside: {},
      roundTripMs: {},
      refused: {},
    }
    const seconds = this.#lengthMs / 1000
    const rates = (records: number | undefined, bytes: number | undefined) => ({
      records: Math.round((records ?? 0) * seconds),
      bytes: Math.round((bytes ?? 0) * seconds),
      ...given('recordsPerSecond', records === undefined ? undefined : momentsOf(records)),
      ...given('bytesPerSecond', bytes === undefined ? undefined : momentsOf(bytes)),
    })
    for (const [to, from, bytes] of this.#all('bytes'))
      put(window.edges, to, from, rates(this.#value('records', to, from), bytes))
    for (const [name, way, bytes] of this.#all('outsideBytes'))
      if (way === 'in' || way === 'out')
        put(window.outside, name, way, rates(this.#value('outsideRecords', name, way), bytes))
    for (const [name, node, hosts] of this.#all('hosts')) {
      const of = (metric: Metric) => this.#value(metric, name, node)
      const [cpu, memory, stored] = [of('cpu'), of('memory'), of('stored')]
      if (cpu === undefined || memory === undefined) continue
      const calls = Math.round((of('calls') ?? 0) * seconds)
      put(window.functions, name, node, {
        hosts: momentsOf(hosts),
        calls,
        handlerMs: calls * (of('handler') ?? 0) * 1000,
        cpuMillis: momentsOf(cpu * 1000),
        residentBytes: momentsOf(memory),
        ...given('storedBytes', stored === undefined ? undefined : momentsOf(stored)),
        busy: momentsOf(Math.min(1, of('busy') ?? 0)),
      })
    }
    for (const [node, broker, rtt] of this.#all('roundTrip'))
      put(window.roundTripMs, node, broker, momentsOf(rtt * 1000))
    return window
  }

  #all(name: Metric) {
    return this.#values.get(name)?.values() ?? []
  }

  #value(name: Metric, a: string, b: string): number | undefined {
    return this.#values.get(name)?.get(JSON.stringify([a, b]))?.[2]
  }
}

function put<T>(table: Table<T>, a: string, b: string, value: T): void {
  table[a] ??= {}
  table[a][b] = value
}

/** The two labels that tell series of a metric apart. */
function labelled(name: Metric, labels: Record<string, string>): (string | undefined)[] {
  switch (name) {
    case 'records':
    case 'bytes':
      return [labels.to, labels.from]
    case 'outsideRecords':
    case 'outsideBytes':
      return [labels.name, labels.way]
    case 'roundTrip':
      return [labels.node, labels.broker]
    default:
      return [labels.function, labels.node]
  }
}

async function seriesOf(
  { url, dataflow, since, now, signal }: PrometheusQuestion,
  metric: string,
  stepMs: number,
): Promise<Series[]> {
  const base = new URL(url)
  const { username, password } = base
  base.username = ''
  base.password = ''
  const asked = new URL(`${base.href.replace(/\/$/, '')}/api/v1/query_range`)
  const step = stepMs / 1000
  // At times that all windows share, whenever it is asked.
  const end = Math.floor(now / stepMs) * step
  asked.search = new URLSearchParams({
    query: `avg_over_time(${metric}{dataflow=${JSON.stringify(dataflow)}}[${step}s])`,
    start: String(Math.min(end, Math.ceil(since / stepMs + 1) * step)),
    end: String(end),
    step: String(step),
  }).toString()
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString(
    'base64',
  )
  const signals = [AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]
  let response: Response
  let text: string
  try {
    response = await fetch(asked, {
      headers: username === '' ? {} : { authorization: `Basic ${login}` },
      signal: AbortSignal.any(signals),
    })
    text = await textOf(response)
  } catch (error) {
    signal?.throwIfAborted()
    const { message, cause } = error as Error
    throw new Problem(
      'PrometheusUnreachable',
      `Prometheus at ${base.href} does not answer: ${(cause as Error)?.message ?? message}`,
      {
        disposition: 'waiting',
        hint: 'Check --prometheus, and that it runs.',
      },
    )
  }
  const answer = parsed(text)
  if (answer?.status === 'success' && answer.data?.resultType === 'matrix') return answer.data.result
  throw new Problem(
    'PrometheusRefused',
    `Prometheus at ${base.href} refuses: ${answer?.error ?? `HTTP ${response.status}, and no answer of its API`}`,
    {
      disposition: 'waiting',
      hint:
        response.status === 401 || response.status === 403
          ? 'Name a user and a password in the URL that may query.'
          : 'Name the URL under which it has /api/v1.',
    },
  )
}

/** @throws Error where it is more than anything that we asked for */
async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(`its answer has over ${maxBytes >> 20} MiB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

interface Answer {
  status?: string
  error?: string
  data?: { resultType?: string; result: Series[] }
}

function parsed(text: string): Answer | undefined {
  try {
    return JSON.parse(text) as Answer
  } catch {
    return undefined
  }
}
