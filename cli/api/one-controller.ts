import { didYouMean, listed } from '../../schema/suggest.ts'
import { Usage } from '../failure.ts'
import type { LogLine } from '../log-text.ts'
import type { Api } from './api.ts'
import type { Dataflow } from './status.ts'
import { type LogsWanted, nothingRuns, type Place, type Running, type Target, type Told } from './target.ts'

/** The dataflows of one controller. */
export class OneController implements Target {
  readonly #api: Api

  constructor(api: Api) {
    this.#api = api
  }

  async status(flow?: string): Promise<Told> {
    if (flow !== undefined) await this.place(flow)
    const { dataflows, ...rest } = await this.#api.status()
    const chosen = dataflows.filter(({ name }) => flow === undefined || name === flow)
    return { status: { ...rest, dataflows: chosen }, notes: [], isPartial: false }
  }

  async place(flow?: string): Promise<Place> {
    const names = (await this.#api.status()).dataflows.filter(isDeployed).map(nameOf)
    if (flow !== undefined && names.includes(flow)) return this.#place(flow)
    if (flow !== undefined) {
      const otherwise = names.length === 0 ? 'None runs.' : `There are ${listed(names)}.`
      throw new Usage(`no dataflow is called ${flow}`, didYouMean(flow, names, otherwise))
    }
    if (names.length === 1) return this.#place(names[0]!)
    if (names.length === 0) throw new Usage('no dataflow runs yet', '`dyninka status` says why.')
    throw new Usage('several dataflows run', `Choose one with --flow: ${listed(names, 'or')}.`)
  }

  async placeOf(node: string, flow?: string): Promise<Place> {
    const { dataflows } = await this.#api.status()
    if (flow !== undefined) await this.place(flow)
    const among = dataflows.filter(({ name }) => flow === undefined || name === flow)
    return this.#place(nameOf(having(node, among, nameOf)))
  }

  async *logs({ node, flow, lines, follow }: LogsWanted, signal: AbortSignal): AsyncIterable<LogLine> {
    const place = node === undefined ? await this.place(flow) : await this.placeOf(node, flow)
    const query = { flow: place.flow, function: node, lines, follow: follow ? 1 : undefined }
    yield* this.#api.lines<LogLine>('/api/logs', query, signal)
  }

  async running(flow: string): Promise<Running> {
    const { dataflows } = await this.#api.status()
    if (dataflows.some(({ name }) => name === flow)) return this.#api.get('/api/observed', { flow })
    const arch = process.arch === 'x64' ? 'amd64' : process.arch
    return { ...nothingRuns, nodes: [{ name: 'local', zone: 'local', arch, labels: {} }] }
  }

  #place = (flow: string): Place => ({ api: this.#api, flow })
}

/** The one of several that has a node of that name. @throws Usage when none has, or several have */
export function having<T extends { functions?: { name: string }[] }>(
  node: string,
  among: T[],
  nameOf: (dataflow: T) => string,
): T {
  const found = among.filter(({ functions = [] }) => functions.some(({ name }) => name === node))
  if (found.length === 1) return found[0]!
  if (found.length > 1)
    throw new Usage(`several dataflows have ${node}`, `Add --flow: ${listed(found.map(nameOf), 'or')}.`)
  const names = [...new Set(among.flatMap(({ functions = [] }) => functions.map(({ name }) => name)))]
  const otherwise = names.length === 0 ? 'Nothing runs yet.' : `There are ${listed(names)}.`
  throw new Usage(`nothing is called ${node}`, didYouMean(node, names, otherwise))
}

const isDeployed = ({ revision }: Dataflow) => revision !== ''
const nameOf = ({ name }: Dataflow) => name
