import type { Instance, Placement } from './instance.ts'

/** Items that a picture has room for. */
const most = 60

/** The graph on its zones, as forges draw it: https://mermaid.js.org/syntax/flowchart.html. A large one is drawn as what
 *  passes between zones. Pure. @param moved names of items that stand out */
export function mermaid(instance: Instance, placement: Placement, moved: ReadonlySet<string>): string {
  if (instance.items.length > most) return zonesAlone(instance, placement)
  const { zones, items, edges, nodes, brokers } = instance
  const zoneOf = (item: string) => nodes.find(({ name }) => name === placement[item])?.zone
  const ids = new Map(items.map(({ name }, i) => [name, `n${i}`]))
  const boxes = (zone: string | undefined) =>
    items
      .filter(({ name }) => zoneOf(name) === zone)
      .map(({ name, kind }) => {
        const [open, close] = shapes[kind]
        return `${ids.get(name)}${open}"${quoted(name)}"${close}${moved.has(name) ? ':::moved' : ''}`
      })
  const inZones = zones.flatMap(({ name }, i) => {
    const inside = boxes(name)
    return inside.length === 0
      ? []
      : [`  subgraph z${i}["${quoted(name)}"]`, ...inside.map(box => `    ${box}`), '  end']
  })
  const between = edges.flatMap(({ from, to, recordsPerSecond, via }) =>
    from === undefined || to === undefined
      ? []
      : [
          `  ${ids.get(from)} -->|"${rate(recordsPerSecond)}${brokers.length > 1 && via !== undefined ? ` by ${quoted(via)}` : ''}"| ${ids.get(to)}`,
        ],
  )
  return ['flowchart LR', ...inZones, ...between, '  classDef moved stroke-width:4px'].join('\n')
}

function zonesAlone({ zones, items, edges, nodes }: Instance, placement: Placement): string {
  const zoneOf = new Map(nodes.map(({ name, zone }) => [name, zone]))
  const ids = new Map(zones.map(({ name }, i) => [name, `z${i}`]))
  const idOf = (item: string | undefined) => ids.get(zoneOf.get(placement[item ?? ''] ?? '') ?? '')
  const passes = new Map<string, number>()
  for (const { from, to, recordsPerSecond } of edges) {
    const [a, b] = [idOf(from), idOf(to)]
    if (a === undefined || b === undefined || a === b) continue
    passes.set(`${a} ${b}`, (passes.get(`${a} ${b}`) ?? 0) + recordsPerSecond)
  }
  const boxes = zones.flatMap(({ name }) => {
    const { length } = items.filter(item => idOf(item.name) === ids.get(name))
    return length === 0 ? [] : [`  ${ids.get(name)}["${quoted(name)}: ${length}"]`]
  })
  const ways = [...passes].map(([way, perSecond]) => {
    const [a, b] = way.split(' ')
    return `  ${a} -->|"${rate(perSecond)}"| ${b}`
  })
  return ['flowchart LR', ...boxes, ...ways].join('\n')
}

const shapes = { source: ['([', '])'], function: ['[', ']'], sink: ['[/', '/]'] } as const

/** A zone may have any name; titles know no escape. */
const quoted = (text: string) => text.replaceAll('"', "'").replaceAll(/[\r\n]/g, ' ')

const rate = (perSecond: number) =>
  `${perSecond >= 10 ? Math.round(perSecond) : Number(perSecond.toPrecision(2))}/s`
