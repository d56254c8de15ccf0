import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { layersOf } from '../cli/graph/layers.ts'
import type { Picture } from '../cli/graph/picture.ts'
import { svg } from '../cli/graph/svg.ts'
import { text } from '../cli/graph/text.ts'
import { cli } from './support/cli.ts'

const Graph = suite('dyninka graph')

const rooms = fileURLToPath(new URL('../flows/room-climate', import.meta.url))

Graph('draws from left to right in the terminal', async () => {
  const { code, stdout } = await cli(['graph', rooms])
  assert.is(code, 0)
  assert.match(stdout, 'thermometers ──▶ parse ──▶ average ─┬─ hot ─▶ alarm')
})

Graph('writes a list where the drawing is too wide', () => {
  const [narrow, wide] = [text(picture(['a>b', 'b.x>c']), 12), text(picture(['a>b', 'b.x>c']), 80)]
  assert.match(narrow, '  b  ◀─ a\n  c  ◀─ b (x)')
  assert.match(wide, 'a ──▶ b ─ x ─▶ c')
})

Graph('keeps lines apart that have nothing to do with each other', () => {
  // The one that passes beneath is interrupted, not joined.
  const drawing = text(picture(['a>c', 'b>d', 'a>d']), 80)
  assert.match(drawing, /a ─┬─+▶ c\n(?: +│\n)?b ─┴─+▶ d/)
})

Graph('has every edge lead to the next layer', () => {
  const layers = layersOf(picture(['a>b', 'b>c', 'c>d', 'a>d', 'a>c']))
  for (const place of layers.flat()) for (const { to } of place.next) assert.is(to.layer, place.layer + 1)
  const rows = layers.map(layer => new Set(layer.map(place => place.row)).size)
  assert.equal(
    rows,
    layers.map(layer => layer.length),
  )
})

Graph('writes JSON, Mermaid, DOT and SVG of the same graph', async () => {
  const as = async (format: string) => (await cli(['graph', rooms, '--format', format])).stdout
  const { nodes, edges } = JSON.parse(await as('json')) as Picture
  assert.is(nodes.length, 7)
  assert.equal(
    edges.find(edge => edge.to === 'alarm'),
    { from: 'average', output: 'hot', to: 'alarm' },
  )
  assert.match(await as('mermaid'), /^flowchart LR\n.*n2 -->\|"hot"\| n3/s)
  assert.match(await as('dot'), '"average" -> "alarm" [label="hot"]')
  const svg = await as('svg')
  assert.is(svg.match(/<rect /g)?.length, nodes.length)
  assert.is(svg.match(/marker-end/g)?.length, edges.length)
})

Graph('leaves room for wide names, and for long labels between boxes, in SVG', () => {
  const name = 'wm'.repeat(10)
  const label = 'an-output-with-a-long-name'
  const boxes = [
    ...svg(picture([`${name}.${label}>b`])).matchAll(/<rect .*? x="(\d+)" .*?width="(\d+)"/g),
  ].map(([, x, width]) => ({ x: Number(x), right: Number(x) + Number(width) }))
  const [wide, next] = boxes.toSorted((a, b) => a.x - b.x)
  assert.ok(wide!.right - wide!.x > name.length * 13)
  assert.ok(next!.x - wide!.right > label.length * 6.5)
})

Graph('exits 1 where the dataflow has findings, 2 where there is none', async () => {
  const broken = fileURLToPath(new URL('../test', import.meta.url))
  assert.is((await cli(['graph', broken])).code, 2)
})

Graph.run()

/** `a.hot>b`: b reads the output `hot` of a. */
function picture(edges: string[]): Picture {
  const parsed = edges.map(edge => {
    const [producer, to] = edge.split('>') as [string, string]
    const [from, output = 'default'] = producer.split('.') as [string, string?]
    return { from, output, to }
  })
  const names = [...new Set(parsed.flatMap(({ from, to }) => [from, to]))].sort()
  return { name: 'picture', nodes: names.map(name => ({ name, kind: 'function' as const })), edges: parsed }
}
