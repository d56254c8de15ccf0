import type { Flow, Node as GraphNode } from '../../../schema/flow.ts'
import { withoutCredentials } from '../../broker/broker-client.ts'
import type { Figure } from '../../telemetry/figure.ts'
import type { Snapshot } from '../../telemetry/snapshot.ts'
import type { Edge, Path } from '../instance.ts'

/** @param isMeasured figures that were only inferred count nothing */
export function edgesOf({ nodes }: Flow, snapshot: Snapshot, isMeasured: boolean): Edge[] {
  const value = (figure: Figure | undefined) =>
    figure && !(isMeasured && figure.source === 'inferred') ? figure.value : 0
  const rates = (figures: { recordsPerSecond?: Figure; bytesPerSecond?: Figure } | undefined) => ({
    recordsPerSecond: value(figures?.recordsPerSecond),
    bytesPerSecond: value(figures?.bytesPerSecond),
  })
  const figuresOf = new Map(snapshot.edges.map(edge => [idOf(edge.from, edge.output, edge.to), edge]))
  const inside = nodes.flatMap(({ name: to, from }) =>
    from.map(({ node, output }) => {
      const id = idOf(node, output, to)
      const figures = figuresOf.get(id)
      return {
        id,
        from: node,
        to,
        ...rates(figures),
        ...(snapshot.zoneBrokers.length === 0 && { via: snapshot.broker }),
      }
    }),
  )
  const outside = nodes.flatMap(node => {
    const via = outsideBroker(node, snapshot.broker)
    if (via === undefined) return []
    const way = node.kind === 'source' ? ('in' as const) : ('out' as const)
    const figures = snapshot.outside.find(each => each.name === node.name && each.way === way)
    const end =
      way === 'in' ? { id: `→${node.name}`, to: node.name } : { id: `${node.name}→`, from: node.name }
    return [{ ...end, ...rates(figures), via }]
  })
  return [...inside, ...outside]
}

/** All brokers that its records pass, as `mqtt://host:port`. */
export const brokersOf = ({ nodes }: Flow, own: string): string[] => [
  ...new Set([own, ...nodes.flatMap(node => outsideBroker(node, own) ?? [])]),
]

/** By URL: zone of each broker that its records pass, as far as that is said. One that a zone has for its own is there.
 *  @param zoneUrls by zone that has a broker @param said by URL, and empty for its own */
export function placesOf(
  flow: Flow,
  own: string,
  zoneUrls: Readonly<Record<string, string>>,
  said: Readonly<Record<string, string>>,
): Record<string, string> {
  const passed = ['', ...brokersOf(flow, own)]
  const ofZones = Object.entries(zoneUrls).map(([zone, url]) => [withoutCredentials(url), zone] as const)
  const all = { ...Object.fromEntries(ofZones), ...said }
  return Object.fromEntries(Object.entries(all).filter(([url]) => passed.includes(url)))
}

/** Where a source's records come from, or a sink's go to, if that is a broker. */
function outsideBroker(node: GraphNode, own: string): string | undefined {
  if (node.kind === 'function' || node.spec.type !== 'mqtt') return undefined
  return node.spec.broker === undefined ? own : withoutCredentials(node.spec.broker)
}

/** Ways from each source to each sink: the longest, since that is what a record waits for. At most so many. */
export function pathsOf({ nodes }: Flow, edges: readonly Edge[], most = 64): Path[] {
  const outside = (id: string) => (edges.some(edge => edge.id === id) ? [id] : [])
  const paths: Path[] = []
  /** By node, and by source: ids of edges. Producers come before those that read them. */
  const longest = new Map<string, Map<string, string[]>>()
  for (const { name, kind, from } of nodes) {
    const ways = new Map<string, string[]>(kind === 'source' ? [[name, outside(`→${name}`)]] : [])
    for (const { node, output } of from)
      for (const [source, way] of longest.get(node)!)
        if (way.length >= (ways.get(source)?.length ?? 0))
          ways.set(source, [...way, idOf(node, output, name)])
    longest.set(name, ways)
    if (kind !== 'sink') continue
    for (const [source, way] of ways)
      paths.push({ id: `${source}⇒${name}`, edges: [...way, ...outside(`${name}→`)], boundMs: 0 })
  }
  return paths.slice(0, most)
}

const idOf = (from: string, output: string, to: string) =>
  `${output === 'default' ? from : `${from}.${output}`}→${to}`
