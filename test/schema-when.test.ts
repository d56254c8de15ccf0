import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Placement } from '../schema/flow.ts'
import { type DeclaredNode, load } from '../schema/index.ts'
import { around, makeFolder, marked, places, said } from './support/dataflow-folder.ts'

interface World {
  dir: string
  remove(): Promise<void>
}

const When = suite<World>('schema: when, with, keep, goal and budget')
When.before(async context => {
  Object.assign(context, await makeFolder({ 'f.js': 'export default x => x' }))
})
When.after(({ remove }) => remove())

const nodes: DeclaredNode[] = [
  { name: 'gateway-1', zone: 'edge', arch: 'arm64', labels: { camera: 'front' } },
  { name: 'gateway-2', zone: 'edge', arch: 'arm64', labels: {} },
  { name: 'server', zone: 'cloud', arch: 'amd64', labels: {}, rttMs: { edge: 30 } },
]

/** Placements of f, g and h. */
const placements = (f: string, g = '', h = '') =>
  around(`functions:
  f: { code: f.js, from: in, placement: { ${f} } }
  g: { code: f.js, from: in, placement: { ${g} } }
  h: { code: f.js, from: in, placement: { ${h} } }`)

async function check({ dir }: World, written: string, says: string[], declared?: DeclaredNode[]) {
  const { text, expected } = marked(written)
  await writeFile(join(dir, 'dataflow.yaml'), text)
  const { findings, flow } = await load(dir, { types: false, ...(declared && { nodes: declared }) })
  assert.equal(said(findings), says)
  assert.equal(places(findings), expected)
  return flow
}

const anywhere: [title: string, placements: [f: string, g?: string, h?: string], says: string][] = [
  [
    'two of one node that are to be apart',
    ['with: [g], apart: [«with-contradiction»g]'],
    "`f` can't be apart from `g`: the two are to share a node (line 4). Keep one of the two: `apart`, or `with`.",
  ],
  [
    'two that are to be apart and share a node with a third',
    ['with: [g]', 'with: [h]', 'apart: [«with-contradiction»f]'],
    "`h` can't be apart from `f`: the two are to share a node (line 4). Keep one of the two: `apart`, or `with`.",
  ],
  [
    'a circle of which two are decided otherwise',
    ['with: [g], zone: edge', 'with: [h]', 'with: [f], zone: «with-contradiction»cloud'],
    '`h` is to run in zone `cloud`, but it shares a node with `f`, whose zone is `edge` (line 4). Leave one of the two out: it counts for both.',
  ],
  [
    'two of one node that switch otherwise',
    [
      'with: [g], when: [{ if: { battery: "< 20%" }, zone: cloud }]',
      '«with-contradiction»when: [{ if: { battery: "< 30%" }, zone: cloud }]',
    ],
    '`g` says when it switches, and `f`, with which it shares a node, says otherwise (line 4). Leave one of the two out: it counts for both.',
  ],
  [
    'two of one node that need another processor',
    ['with: [g], require: { arch: [arm64] }', 'require: { arch: «with-contradiction»[amd64, arm] }'],
    '`g` needs amd64 or arm, but it shares a node with `f`, which needs arm64 (line 4). Ask for the same, or leave out `with`.',
  ],
  [
    'two of one node that need another label',
    ['with: [g], require: { labels: { a: b } }', 'require: { labels: { a: «with-contradiction»c } }'],
    '`g` needs the label `a: c`, but it shares a node with `f`, which needs `b` (line 4). Ask for the same, or leave out `with`.',
  ],
  [
    'what stays and switches',
    ['keep: true, «placement-contradiction»when: [{ if: { battery: "< 20%" }, zone: cloud }]'],
    '`f` is to stay where it is (line 4), but `when` moves it. Leave one of the two out.',
  ],
  [
    'what switches and is with what stays',
    ['keep: true, with: [g]', '«placement-contradiction»when: [{ if: { battery: "< 20%" }, zone: cloud }]'],
    '`f`, with which `g` is, is to stay where it is (line 4), but `when` moves it. Leave one of the two out.',
  ],
  [
    'a switch to the node of one to be apart from',
    [
      'apart: [g], when: [{ if: { battery: "< 20%" }, node: «placement-contradiction»server }]',
      'node: server',
    ],
    '`f` would run on node `server`, which is that of `g` (line 5), and the two must be apart (line 4). Name another node.',
  ],
  [
    'a switch away from what a label asks for',
    [
      'require: { labels: { topology.kubernetes.io/zone: edge } }, when: [{ if: { time: 22:00-06:00 }, zone: «placement-contradiction»cloud }]',
    ],
    'The label topology.kubernetes.io/zone must be `edge` (line 4), but zone says `cloud` under this condition. Leave the label out, or name what it asks for.',
  ],
]

for (const [title, [f, g, h], says] of anywhere) {
  When(`finds ${title}, wherever it runs`, async world => {
    await check(world, placements(f, g, h), [says])
  })
}

const conditions: [title: string, conditions: string[], says: string][] = [
  [
    'what is no comparison',
    ['battery: «bad-value»20%'],
    'functions.f.placement.when[0].if.battery can\'t be `20%`. Write <, <=, > or >=, a number and %. For example `"< 20%"`.',
  ],
  [
    'what is no time of day',
    ['time: «bad-value»22-6'],
    'functions.f.placement.when[0].if.time can\'t be `22-6`. Write two times with - between them, of four digits each. For example `"22:00-06:00"`.',
  ],
  [
    'a link without a round trip',
    ['«key-without-other»link: edge~cloud'],
    'functions.f.placement.when[0].if.link only goes with `rtt`. Leave it out: it has no meaning without `rtt`.',
  ],
  [
    'a link that leads nowhere',
    ['link: «link-to-itself»edge~edge, rtt: "> 80ms"'],
    '`edge~edge` leads from a zone to itself. Name two zones.',
  ],
  [
    'a time zone that is misspelt',
    ['time: 22:00-06:00, timezone: «unknown-timezone»Europe/Pari'],
    'There is no time zone `Europe/Pari`. Did you mean `Europe/Paris`?',
  ],
  [
    'what never holds',
    ['battery: «when-never»"> 100%"'],
    '`battery > 100%` never holds. Write another number.',
  ],
  [
    'no time at all',
    ['time: «when-never»06:00-06:00'],
    '`time 06:00-06:00` never holds. Let it end at another time than it begins.',
  ],
  [
    'what always holds',
    ['battery: «when-always»">= 0%"'],
    '`battery >= 0%` always holds, so that `zone` and `node` never count. Write another number.',
  ],
  [
    'what comes after a wider one',
    ['battery: "< 50%"', '«when-shadowed»battery: "< 20%", time: 22:00-06:00'],
    '`battery < 20% and time 22:00-06:00` never counts: whenever it holds, `battery < 50%` (line 4) does, and comes first. Put this one before it, or leave it out.',
  ],
  [
    'what is there twice',
    ['link: edge~cloud, rtt: "> 80ms"', '«when-shadowed»link: cloud~edge, rtt: "> 0.08s"'],
    '`rtt of cloud~edge > 0.08s` never counts: whenever it holds, `rtt of edge~cloud > 80ms` (line 4) does, and comes first. Put this one before it, or leave it out.',
  ],
  [
    'times that overlap over midnight',
    ['time: 22:00-06:00', '«when-overlap»time: 05:00-09:00'],
    '`time 05:00-09:00` leads to zone z1, and `time 22:00-06:00` (line 4) to zone z0, and both can hold at once. Let one begin where the other ends.',
  ],
  [
    'numbers that overlap',
    ['label: w, value: "< 20"', '«when-overlap»label: w, value: ">= 10"'],
    '`w >= 10` leads to zone z1, and `w < 20` (line 4) to zone z0, and both can hold at once. Let one begin where the other ends.',
  ],
]

for (const [title, ifs, says] of conditions) {
  When(`finds a condition with ${title}`, async world => {
    const when = ifs.map((text, n) => conditionOf(text, `z${n}`))
    await check(world, placements(`when: [${when.join(', ')}]`), [says])
  })
}

/** The mark of a whole condition stands before its mapping. */
function conditionOf(text: string, zone: string) {
  const [, mark = '', rest = text] = /^(«when-[a-z]+»)(\S.*)$/.exec(text) ?? []
  return `{ if: ${mark}{ ${rest} }, zone: ${zone} }`
}

When('finds nothing where each condition has a case of its own', async world => {
  const sound = [
    ['battery: "< 20%"', 'battery: "< 50%"'],
    ['time: 22:00-06:00', 'time: 06:00-22:00'],
    ['time: 22:00-06:00, battery: "< 20%"', 'time: 22:00-06:00'],
    ['link: a~b, rtt: "> 80ms"', 'link: a~c, rtt: "> 80ms"'],
    ['battery: "< 20%"', 'time: 22:00-06:00, timezone: Europe/Paris', 'label: w, value: "> -3.5"'],
    ['battery: "<= 20%"', 'battery: "> 20%", label: w, value: "> 0"'],
  ]
  for (const ifs of sound)
    await check(
      world,
      placements(`when: [${ifs.map((text, n) => conditionOf(text, `z${n}`)).join(', ')}]`),
      [],
    )
})

const withNodes: [title: string, placements: [f: string, g?: string, h?: string], says: string][] = [
  [
    'no node for two that share one',
    ['with: [«with-contradiction»g], require: { arch: [amd64] }', 'require: { labels: { camera: exists } }'],
    'No node fits both `f` and `g`, which are to share one. Leave out `with`, or ask for less: server would fit `f`, gateway-1 `g`.',
  ],
  [
    'one node for two that are to be apart',
    ['apart: [«placement-contradiction»g], zone: cloud', 'zone: cloud'],
    "`f` can't be apart from `g`: `server` is the only node for both. Ask for less, or add a node.",
  ],
  [
    'a switch to a zone that is misspelt',
    ['when: [{ if: { battery: "< 20%" }, zone: «no-node»clout }]'],
    'No node is in zone `clout`. Did you mean `cloud`?',
  ],
  [
    'a switch that leaves what is required',
    [
      'require: { labels: { camera: exists } }, when: [{ if: { battery: "< 20%" }, zone: «placement-contradiction»cloud }]',
    ],
    'No node is in zone `cloud` and also has the label `camera`, as `f` asks for (line 4). gateway-1 would fit that.',
  ],
  [
    'a switch that leaves what another of its node requires',
    [
      'with: [g], when: [{ if: { battery: "< 20%" }, node: «placement-contradiction»server }]',
      'require: { arch: [arm64] }',
    ],
    'No node is called `server` and also has the architecture arm64, as `g` asks for (line 5). gateway-1 and gateway-2 would fit that.',
  ],
  [
    'a switch too far away',
    [
      'near: [{ function: g, maxRtt: 10ms }], when: [{ if: { battery: "< 20%" }, zone: «placement-contradiction»cloud }]',
      'zone: edge',
    ],
    '`f` would be 30ms from `g`, and the two must be within 10ms (line 4). Name another place, or allow a longer round trip.',
  ],
  [
    'a switch too far away from what is to be near',
    [
      'zone: edge, when: [{ if: { battery: "< 20%" }, zone: «placement-contradiction»cloud }]',
      'zone: edge, near: [{ function: f, maxRtt: 10ms }]',
    ],
    '`f` would be 30ms from `g`, and the two must be within 10ms (line 5). Name another place, or allow a longer round trip.',
  ],
]

for (const [title, [f, g, h], says] of withNodes) {
  When(`finds ${title}, where the nodes are known`, async world => {
    await check(world, placements(f, g, h), [says], nodes)
  })
}

const whole: [title: string, text: string, says: string, declared?: DeclaredNode[]][] = [
  [
    'a goal that counts what has no price',
    'goal: { latency: 1, cost: «no-prices»1 }',
    'The goal counts the cost of nodes, and no node has a price. Say what nodes cost: `budget: { prices: { zones: { cloud: 4.8 } } }`.',
  ],
  [
    'a budget of what has no price',
    'budget: { cost: «no-prices»3 }',
    'The budget bounds the cost of nodes, and no node has a price. Say what nodes cost: `budget: { prices: { zones: { cloud: 4.8 } } }`.',
  ],
  [
    'a weight that is none',
    'goal: { latency: «out-of-range»0 }',
    'goal.latency is `0`, but it must be at least 1. Write a number at least 1.',
  ],
  [
    'a goal that says nothing',
    '«empty»goal: {}',
    'goal is empty. Write at least one, for example `{ latency: 3, network: 1 }`.',
  ],
  [
    'a goal that is misspelt',
    'goal: { «unknown-key»latancy: 1 }',
    'goal takes no key `latancy`. Did you mean `latency`?',
  ],
  [
    'a budget that is spent',
    'budget: { cost: «budget-contradiction»3, prices: { nodes: { a: 2, b: 1.5 } } }\nfunctions:\n  f: { code: f.js, from: in, placement: { node: a } }\n  g: { code: f.js, from: in, placement: { node: b } }\n  h: { code: f.js, from: in, placement: { node: b } }',
    'All nodes together may cost 3 a day, but a (line 5) and b (line 6), decided on, cost 3.5. Allow more, or decide on other nodes.',
  ],
  [
    'a price of a node that is not there',
    'budget: { prices: { nodes: { servers: «no-node»2 } } }',
    'No node is called `servers`. Did you mean `server`?',
    nodes,
  ],
  [
    'a price of a zone that is not there',
    'budget: { prices: { zones: { moon: «no-node»2 } } }',
    'No node is in zone `moon`. There are edge and cloud.',
    nodes,
  ],
]

for (const [title, text, says, declared] of whole) {
  When(`finds ${title}`, async world => {
    await check(world, around(text), [says], declared)
  })
}

When('reads all of it, and what one of a set says for all of the set', async world => {
  const text = around(`goal: { latency: 3, cost: 1 }
budget: { moves: 4, cost: 25, prices: { label: price, zones: { cloud: 4.8 } } }
functions:
  f: { code: f.js, from: in, placement: { with: [g], apart: [i] } }
  g: { code: f.js, from: in }
  h: { code: f.js, from: in, placement: { with: [g], zone: edge, when: [{ if: { battery: "<= 20%", link: edge~cloud, rtt: "> 0.1s", time: 22:00-06:30, timezone: Europe/Paris }, zone: cloud }, { if: { label: sun, value: "< 3" }, node: server }] } }
  i: { code: f.js, from: in, placement: { keep: true, node: server } }`)
  const flow = (await check(world, text, []))!
  assert.equal(flow.goal, { latency: 3, cost: 1 })
  assert.equal(flow.budget, {
    movesPerDay: 4,
    costPerDay: 25,
    prices: { label: 'price', zones: { cloud: 4.8 } },
  })
  const shared: Placement = {
    zone: 'edge',
    when: [
      {
        if: {
          text: 'battery <= 20% and rtt of edge~cloud > 0.1s and time 22:00-06:30 (Europe/Paris)',
          parts: [
            { type: 'label', label: 'battery', below: true, limit: 20, inclusive: true },
            { type: 'link', zones: ['edge', 'cloud'], below: false, limit: 100, inclusive: false },
            { type: 'time', timezone: 'Europe/Paris', from: 1320, to: 390 },
          ],
        },
        zone: 'cloud',
      },
      {
        if: {
          text: 'sun < 3',
          parts: [{ type: 'label', label: 'sun', below: true, limit: 3, inclusive: false }],
        },
        node: 'server',
      },
    ],
  }
  const placementOf = (name: string) => flow.nodes.find(node => node.name === name)!.placement
  assert.equal(placementOf('f'), { apart: ['i'], with: ['g', 'h'], ...shared })
  assert.equal(placementOf('g'), { with: ['f', 'h'], ...shared })
  assert.equal(placementOf('h'), { with: ['f', 'g'], ...shared })
  assert.equal(placementOf('i'), { keep: true, node: 'server' })
})

When.run()
