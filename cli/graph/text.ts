import { paint } from '../paint.ts'
import { Canvas } from './canvas.ts'
import { layersOf, type Place } from './layers.ts'
import { labelOf, type Picture } from './picture.ts'

const colours = { source: 'cyan', function: 'bold', sink: 'magenta' } as const
const phases: Record<string, Parameters<typeof paint>[0]> = { Failed: 'red', Running: 'green' }

/** A drawing from left to right; where that is wider than `columns`, a list of who reads whom. */
export function text(picture: Picture, columns: number): string {
  const counts = (['source', 'function', 'sink'] as const).map(kind => {
    const count = picture.nodes.filter(node => node.kind === kind).length
    return paint(colours[kind], `${count} ${kind}${count === 1 ? '' : 's'}`)
  })
  const drawing = draw(picture)
  const body = drawing.width <= columns ? drawing.lines.join('\n') : list(picture)
  return `${paint('bold', picture.name)}: ${counts.join(', ')}\n\n${body}`
}

function list({ nodes, edges }: Picture): string {
  const width = Math.max(...nodes.map(node => node.name.length))
  return nodes
    .map(node => {
      const inputs = edges.filter(edge => edge.to === node.name)
      const from = inputs.map(edge => {
        const label = labelOf(edge)
        return edge.from + (label && paint('dim', ` (${label})`))
      })
      const name = painted(node) + ' '.repeat(width - node.name.length)
      return from.length > 0 ? `  ${name}  ◀─ ${from.join(', ')}` : `  ${name}`
    })
    .join('\n')
}

const painted = ({ name, kind, phase }: Picture['nodes'][number]) =>
  paint((phase && phases[phase]) || colours[kind], name)

function draw(picture: Picture): { lines: string[]; width: number } {
  const layers = layersOf(picture)
  const canvas = new Canvas()
  let x = 0
  for (const layer of layers) {
    const width = Math.max(...layer.map(place => place.node?.name.length ?? 0))
    const gutter = layer.some(place => place.next.length > 0) ? gutterOf(layer) : undefined
    const end = x + width + (gutter?.width ?? 0)
    for (const place of layer) {
      if (place.node) canvas.write(x, place.row, place.node.name, () => painted(place.node!))
      const from = place.node ? x + place.node.name.length + 1 : x
      const channel = gutter?.channels.findIndex(places => places.includes(place)) ?? 0
      const turn = channel < 0 ? end - 2 : x + width + 2 + 2 * channel
      for (const next of place.next) {
        const to = next.to.node ? end - 2 : end
        canvas.line(place, [from, place.row], [turn, place.row])
        canvas.line(place, [turn, place.row], [turn, next.to.row])
        canvas.line(place, [turn, next.to.row], [to, next.to.row])
        if (next.label)
          canvas.write(end - 5 - next.label.length, next.to.row, ` ${next.label} `, t => paint('dim', t))
        if (next.to.node) canvas.write(end - 2, next.to.row, '▶')
      }
    }
    x = end
  }
  return canvas.render()
}

/** The room between two layers: a channel for those who must turn, room for labels, the arrow. */
function gutterOf(layer: Place[]) {
  const turning = layer.filter(place => place.next.some(next => next.to.row !== place.row))
  const label = Math.max(...layer.flatMap(place => place.next.map(next => next.label.length)), 0)
  const channels = ordered([...Map.groupBy(turning, meeting).values()])
  return { channels, width: 3 + 2 * channels.length + (label > 0 ? label + 2 : 0) + 2 }
}

/** Those who only go to the same place share a channel. */
const meeting = (place: Place): Place => (place.next.length === 1 ? place.next[0]!.to : place)

/** A producer turns before others arrive in its own row, or its line would seem to join theirs. */
function ordered(channels: Place[][]): Place[][] {
  const rest = [...channels]
  const result: Place[][] = []
  while (rest.length > 0) {
    const free = rest.findIndex(channel => !rest.some(other => other !== channel && arrives(channel, other)))
    result.push(...rest.splice(Math.max(free, 0), 1))
  }
  return result
}

const arrives = (channel: Place[], other: Place[]) =>
  channel.some(place => place.next.some(next => other.some(({ row }) => row === next.to.row)))
