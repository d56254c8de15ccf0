import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type DeclaredNode, load } from '../schema/index.ts'
import { around, makeFolder, marked, places, said } from './support/dataflow-folder.ts'

const Placement = suite<{ dir: string; remove(): Promise<void> }>('schema: placement')
Placement.before(async context => {
  Object.assign(context, await makeFolder({ 'f.js': 'export default x => x' }))
})
Placement.after(({ remove }) => remove())

const nodes: DeclaredNode[] = [
  {
    name: 'gateway-1',
    zone: 'edge-lyon',
    arch: 'arm64',
    labels: { camera: 'front' },
    cpu: 1000,
    memory: 2 ** 30,
  },
  { name: 'gateway-2', zone: 'edge-nice', arch: 'arm64', labels: {}, rttMs: { 'edge-lyon': 8 } },
  { name: 'server', zone: 'core', arch: 'amd64', labels: {}, rttMs: { 'edge-lyon': 30 } },
]

const table: [title: string, placement: string, ...says: string[]][] = [
  [
    'nearness to itself',
    'near: [{ function: «near-itself»f, maxRtt: 1ms }]',
    '`f` is always near itself. Name another function, or leave it out.',
  ],
  [
    'nearness to nothing',
    'near: [{ function: «unknown-near»gg, maxRtt: 1ms }]',
    'There is no function `gg` to be near to. Did you mean `g`?',
  ],
  [
    'distance from itself',
    'apart: [«apart-from-itself»f]',
    '`f` is never apart from itself. Name another function, or leave it out.',
  ],
  [
    'distance from nothing',
    'apart: [«unknown-apart»gg]',
    'There is no function `gg` to be apart from. Did you mean `g`?',
  ],
  [
    'company to itself',
    'with: [«with-itself»f]',
    '`f` is always with itself. Name another function, or leave it out.',
  ],
  [
    'company of nothing',
    'with: [«unknown-with»gg]',
    'There is no function `gg` to be with. Did you mean `g`?',
  ],
  [
    'a zone and a label that names another',
    'zone: core, require: { labels: { topology.kubernetes.io/zone: «placement-contradiction»edge-lyon } }',
    'The label topology.kubernetes.io/zone must be `edge-lyon`, but zone says `core`. Keep one of the two: zone says it all.',
  ],
  [
    'an architecture and a label that names another',
    'require: { arch: [arm64, arm], labels: { kubernetes.io/arch: «placement-contradiction»amd64 } }',
    'The label kubernetes.io/arch must be `amd64`, but require.arch says `arm64` or `arm`. Keep one of the two: require.arch says it all.',
  ],
]

for (const [title, placement, ...says] of table) {
  Placement(`finds ${title}, wherever it runs`, ({ dir }) => check(dir, placement, says))
}

const withNodes: [title: string, placement: string, ...says: string[]][] = [
  [
    'a zone that is misspelt',
    'zone: «no-node»edge-lion',
    'No node is in zone `edge-lion`. Did you mean `edge-lyon`?',
  ],
  [
    'a node that is not there',
    'node: «no-node»toaster',
    'No node is called `toaster`. There are gateway-1, gateway-2 and server.',
  ],
  [
    'a node outside the zone',
    'node: server, zone: «placement-contradiction»edge-lyon',
    'No node is in zone `edge-lyon` and also fits the rest of what `f` asks for. Give up one of the two: gateway-1 would fit this rule, server the rest.',
  ],
  [
    'an architecture that no node has',
    'require: { arch: «no-node»[riscv64] }',
    'No node has the architecture riscv64. Change the rule, or add such a node. There are gateway-1, gateway-2 and server.',
  ],
  [
    'a label that no node of the zone has',
    'zone: core, require: { labels: { camera: «placement-contradiction»exists } }',
    'No node has the label `camera` and also fits the rest of what `f` asks for. Give up one of the two: gateway-1 would fit this rule, server the rest.',
  ],
  [
    'a label with another value',
    'require: { labels: { camera: «no-node»back } }',
    'No node has the label `camera: back`. Change the rule, or add such a node. There are gateway-1, gateway-2 and server.',
  ],
  [
    'nearness over a distance',
    'zone: core, near: [{ function: g, maxRtt: «placement-contradiction»10ms }]',
    "`f` can't be within 10ms of `g` (line 5): the nearest nodes are 30ms apart. Allow a longer round trip, or change the zone of one of them.",
  ],
]

for (const [title, placement, ...says] of withNodes) {
  Placement(`finds ${title}, where the nodes are known`, ({ dir }) => check(dir, placement, says, nodes))
}

async function check(dir: string, placement: string, says: string[], declared?: DeclaredNode[]) {
  const { text, expected } = marked(
    around(`functions:
  f: { code: f.js, from: in, placement: { ${placement} } }
  g: { code: f.js, from: in, placement: { zone: edge-lyon } }`),
  )
  await writeFile(join(dir, 'dataflow.yaml'), text)
  const { findings } = await load(dir, { types: false, ...(declared && { nodes: declared }) })
  assert.equal(said(findings), says)
  assert.equal(places(findings), expected)
}

Placement('finds resources that no node has', async ({ dir }) => {
  const { text, expected } = marked(
    around(`functions:
  f: { code: f.js, from: in, placement: { zone: edge-lyon }, resources: { memory: «placement-contradiction»2Gi } }`),
  )
  await writeFile(join(dir, 'dataflow.yaml'), text)
  assert.equal(places((await load(dir, { types: false, nodes })).findings), expected)
  assert.equal((await load(dir, { types: false })).findings, [])
})

Placement('finds two that must be apart, and are both to run on one node', async ({ dir }) => {
  const { text, expected } = marked(
    around(`functions:
  f: { code: f.js, from: in, placement: { node: server, apart: [«placement-contradiction»g] } }
  g: { code: f.js, from: in, placement: { node: server } }`),
  )
  await writeFile(join(dir, 'dataflow.yaml'), text)
  const { findings } = await load(dir, { types: false })
  assert.equal(places(findings), expected)
  assert.equal(said(findings), [
    "`f` can't be apart from `g`: both are to run on node `server` (lines 4 and 5). Change the node of one of them.",
  ])
})

Placement(
  'says nothing of nodes where none is declared, and of nearness that is possible',
  async ({ dir }) => {
    await check(dir, 'zone: anywhere', [], [])
    await check(dir, 'zone: edge-nice, near: [{ function: g, maxRtt: 10ms }]', [], nodes)
  },
)

Placement.run()
