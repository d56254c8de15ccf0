import type { Instance, Placement } from './instance.ts'

/** The graph on its zones, as forges draw it: https://mermaid.js.org/syntax/flowchart.html. Pure.
 *  @param moved names of items that stand out */
export function mermaid(
  { zones, items, edges, nodes, brokers }: Instance,
  placement: Placement,
  moved: ReadonlySet<string>,
): string {
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

const shapes = { source: ['([', '])'], function: ['[', ']'], sink: ['[/', '/]'] } as const

/** A zone may have any name; titles know no escape. */
const quoted = (text: string) => text.replaceAll('"', "'").replaceAll(/[\r\n]/g, ' ')

const rate = (perSecond: number) =>
  `${perSecond >= 10 ? Math.round(perSecond) : Number(perSecond.toPrecision(2))}/s`
