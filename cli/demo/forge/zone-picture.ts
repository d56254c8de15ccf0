import { escaped } from './markdown.ts'

interface Box {
  name: string
  zone: number
  isMoved: boolean
  /** Edges that lead to it, in a row. */
  column: number
  x: number
  y: number
}

const [height, gapX, gapY, margin, title] = [30, 40, 12, 12, 26]
/** Of a box: at least so wide, and as its name needs at 12 px. */
const [narrowest, perLetter] = [84, 7]

/** Draws the flowcharts of suggestions, which a forge would have Mermaid draw: a band for each zone, records run to the
 *  right. Pure. @param lines of Mermaid, as `controller/placement/mermaid.ts` writes it */
export function zonePicture(lines: readonly string[]): string {
  const zones: string[] = []
  const boxes = new Map<string, Box>()
  const edges: { from: string; to: string; label: string }[] = []
  for (const line of lines) {
    const zone = /^\s*subgraph \w+\["(.*)"\]/.exec(line)?.[1]
    if (zone !== undefined) zones.push(zone)
    const [, id, name] = /^\s*(n\d+)[[(/]+"(.*)"[\])/]+/.exec(line) ?? []
    if (id)
      boxes.set(id, {
        name: name!,
        zone: zones.length - 1,
        isMoved: line.endsWith(':::moved'),
        column: 0,
        x: 0,
        y: 0,
      })
    const [, from, label = '', to] = /^\s*(n\d+) -->(?:\|"(.*)"\|)? (n\d+)/.exec(line) ?? []
    if (from && to) edges.push({ from, to, label })
  }
  // A graph without cycles: as many rounds as it has boxes settle all columns.
  for (let round = 0; round < boxes.size; round++)
    for (const { from, to } of edges) {
      const [a, b] = [boxes.get(from), boxes.get(to)]
      if (a && b) b.column = Math.max(b.column, a.column + 1)
    }
  const width = Math.max(narrowest, ...[...boxes.values()].map(({ name }) => name.length * perLetter + 16))
  let y = margin
  const bands = zones.map((zone, i) => {
    const inside = [...boxes.values()].filter(box => box.zone === i)
    const taken = new Map<number, number>()
    for (const box of inside) {
      const row = taken.get(box.column) ?? 0
      taken.set(box.column, row + 1)
      box.x = margin * 2 + box.column * (width + gapX)
      box.y = y + title + row * (height + gapY)
    }
    const band = { zone, y, height: title + Math.max(1, ...taken.values()) * (height + gapY) }
    y += band.height + margin
    return band
  })
  const right =
    margin * 2 + (Math.max(0, ...[...boxes.values()].map(({ column }) => column)) + 1) * (width + gapX)
  return [
    `<svg viewBox="0 0 ${right} ${y}" style="max-width: ${right}px" role="img">`,
    '<defs><marker id="to" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
    ...bands.map(
      band =>
        `<rect class="zone" x="${margin}" y="${band.y}" width="${right - 2 * margin}" height="${band.height}" rx="6"/>` +
        `<text class="zone" x="${margin + 8}" y="${band.y + 15}">${escaped(band.zone)}</text>`,
    ),
    ...edges.flatMap(({ from, to, label }) => {
      const [a, b] = [boxes.get(from), boxes.get(to)]
      return a && b ? [edgePicture(a, b, width, label)] : []
    }),
    ...[...boxes.values()].map(
      ({ name, isMoved, x, y: top }) =>
        `<rect class="box${isMoved ? ' moved' : ''}" x="${x}" y="${top}" width="${width}" height="${height}" rx="4"/>` +
        `<text x="${x + width / 2}" y="${top + 19}" text-anchor="middle">${escaped(name)}</text>`,
    ),
    '</svg>',
  ].join('\n')
}

function edgePicture(a: Box, b: Box, width: number, label: string): string {
  const [x1, y1, x2, y2] = [a.x + width, a.y + height / 2, b.x, b.y + height / 2]
  const bend = (x2 - x1) / 2
  // What passes boxes of its own row goes above them.
  const rise = y1 === y2 && b.column > a.column + 1 ? height : 0
  const middle = (y1 + y2) / 2 - 0.75 * rise
  return (
    `<path class="edge" d="M${x1} ${y1}C${x1 + bend} ${y1 - rise} ${x2 - bend} ${y2 - rise} ${x2 - 1} ${y2}" marker-end="url(#to)"/>` +
    `<text class="rate" x="${(x1 + x2) / 2}" y="${middle - 4}" text-anchor="middle">${escaped(label)}</text>`
  )
}
