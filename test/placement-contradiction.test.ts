import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { advise } from '../controller/placement/advice.ts'
import { contradictionOf } from '../controller/placement/contradiction.ts'
import { Highs } from '../controller/placement/highs.ts'
import { situationOf } from '../controller/placement/situation/situation.ts'
import { load } from '../schema/index.ts'
import { code as filterCode } from './support/climate-flow.ts'
import { busy, edge, fileOf } from './support/climate-telemetry.ts'
import { contradicting } from './support/contradicting-flow.ts'
import { makeFolder } from './support/dataflow-folder.ts'

const Contradiction = suite<{ highs: Highs }>('rules that can not all hold')
Contradiction.before(context => {
  context.highs = new Highs()
})
Contradiction.after(({ highs }) => highs.close())

/** `line:column what is there`, of each finding for a whole file. */
async function told(text: string, highs: Highs) {
  const folder = await makeFolder({ 'dataflow.yaml': text, 'functions/filter.ts': filterCode })
  const { flow, findings } = await load(folder.dir, { types: false }).finally(folder.remove)
  assert.equal(findings, [])
  const situation = situationOf(fileOf(busy, { broker: edge }), flow!)
  const { conflict } = await advise(situation, { seconds: 4, now: () => performance.now(), highs })
  const lines = text.split('\n')
  return contradictionOf(conflict ?? [], text).map(({ file, line, column, message, code }) => {
    assert.is(file, 'dataflow.yaml')
    assert.is(code, 'placement-contradiction')
    return { at: lines[line - 1]!.slice(column - 1), line, message }
  })
}

Contradiction('are each found where they are written, and name the others', async ({ highs }) => {
  const findings = await told(contradicting, highs)
  assert.equal(findings.map(({ at }) => at).sort(), [
    'large } }',
    'true } }',
    '{ function: raw, maxRtt: 5ms }',
  ])
  for (const { line, message } of findings) {
    const others = findings.filter(other => other.line !== line).map(other => other.line)
    for (const other of others) assert.match(message, `line ${other} (`)
  }
  assert.match(findings.find(({ at }) => at.startsWith('large'))!.message, '`filter` needs the label `disk`')
})

const one = (change: string) => contradicting.replace(/ {4}placement:\n( {6}.*\n)+/, change)

Contradiction('hold where any one of them is left out', async ({ highs }) => {
  for (const line of [
    '      require: { labels: { disk: large } }\n',
    '        - { function: raw, maxRtt: 5ms }\n',
  ])
    assert.equal(await told(contradicting.replace(line, '').replace(/ {6}near:\n(?! {8})/, ''), highs), [])
  assert.equal(await told(contradicting.replace(', placement: { keep: true } }', ' }'), highs), [])
})

Contradiction('are told with what nodes offer, which is written nowhere', async ({ highs }) => {
  const findings = await told(one('    resources: { memory: 4Gi }\n'), highs)
  assert.is(findings.length, 1)
  assert.match(findings[0]!.message, 'with the memory of edge-1 and cloud-1')
  const tight = await told(
    one('    resources: { memory: 1800Mi }\n    placement: { with: [ out ] }\n').replace(
      'log: {}',
      'log: {}, placement: { apart: [ raw ] }',
    ),
    highs,
  )
  assert.is(tight.length, 3)
  for (const { message } of tight) assert.match(message, 'and the memory of cloud-1.')
})

Contradiction('are found in what another one of a set says', async ({ highs }) => {
  const text = one('    placement: { with: [ out ], require: { labels: { disk: small } } }\n').replace(
    'log: {}',
    'log: {}, placement: { keep: true }',
  )
  const findings = await told(text, highs)
  assert.equal(findings.map(({ at }) => at).sort(), ['small } } }', 'true } }'])
})

Contradiction.run()
