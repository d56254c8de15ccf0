import { layersOf, type Place } from './layers.ts'
import type { Picture } from './picture.ts'

const ROW = 56
const BOX = 34
const GAP = 90
const LABEL_CHARACTER = 7
// From the middle of a line of text down to its baseline: librsvg and others put `dominant-baseline: central` too high.
const MIDDLE = '0.35em'

const style = `
  text { font: 14px system-ui, sans-serif; text-anchor: middle; fill: #1f2328 }
  .label { font-size: 11px; fill: #59636e }
  rect { fill: #f6f8fa; stroke: #59636e } .source { stroke: #0969da } .sink { stroke: #8250df } .Failed { fill: #ffebe9; stroke: #d1242f }
  path { fill: none; stroke: #818b98 } marker path { fill: #818b98 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .label { fill: #9198a1 } rect { fill: #151b23 } .Failed { fill: #3c1618 }
  }`

/** A drawing that needs nothing else: no font to load, no script, light and dark. */
export function svg(picture: Picture): string {
  const layers = layersOf(picture)
  const widths = layers.map(layer => Math.max(...layer.map(place => widthOf(place))))
  const gaps = layers.map(layer => Math.max(GAP, ...layer.flatMap(({ next }) => next.map(roomFor))))
  const lefts = widths.map((_, index) => sum(widths.slice(0, index)) + sum(gaps.slice(0, index)) + 20)
  const places = layers.flat()
  const centre = (place: Place) => 20 + BOX / 2 + place.row * ROW
  const right = (place: Place) => lefts[place.layer]! + (place.node ? widthOf(place) : widths[place.layer]!)
  const parts: string[] = []
  for (const place of places) {
    for (const { to, label } of place.next) {
      const [x1, y1, x2, y2] = [right(place), centre(place), lefts[to.layer]!, centre(to)]
      const across = to.node ? `${x2 - 4} ${y2}` : `${x2} ${y2} H${right(to)}`
      const bend = (x1 + x2) / 2
      parts.push(
        `<path d="M${x1} ${y1} C${bend} ${y1} ${bend} ${y2} ${across}"${to.node ? ' marker-end="url(#arrow)"' : ''}/>`,
      )
      if (label)
        parts.push(
          `<text class="label" x="${bend}" y="${(y1 + y2) / 2 - 9}" dy="${MIDDLE}">${entities(label)}</text>`,
        )
    }
  }
  for (const place of places) {
    if (!place.node) continue
    const { name, kind, phase } = place.node
    const [x, y, width] = [lefts[place.layer]!, centre(place), widthOf(place)]
    const round = kind === 'function' ? 6 : BOX / 2
    parts.push(
      `<rect class="${[kind, phase].filter(Boolean).join(' ')}" x="${x}" y="${y - BOX / 2}" width="${width}" height="${BOX}" rx="${round}"/>`,
      `<text x="${x + width / 2}" y="${y}" dy="${MIDDLE}">${entities(name)}</text>`,
    )
  }
  const width = lefts.at(-1)! + widths.at(-1)! + 20
  const height = 40 + BOX + Math.max(...places.map(place => place.row)) * ROW
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${entities(picture.name)}</title>`,
    `<style>${style}\n</style>`,
    '<marker id="arrow" markerWidth="8" markerHeight="8" refX="4" refY="4" orient="auto"><path d="M0 0 L8 4 L0 8 Z"/></marker>',
    ...parts,
    '</svg>',
  ].join('\n')
}

const widthOf = (place: Place) => (place.node ? sum([...place.node.name].map(widthOfCharacter)) + 28 : 0)

/** Of a wide font, since nobody knows which one the reader has. */
const widthOfCharacter = (character: string) => (/[mw]/.test(character) ? 14 : 9)

const roomFor = ({ label }: Place['next'][number]) => (label?.length ?? 0) * LABEL_CHARACTER + 30

const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0)

const entities = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
