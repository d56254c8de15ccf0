import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Checker, hasFault, type Verdict } from './torture/checker.ts'
import { recordsOf } from './torture/records.ts'
import { type Place, rehearse } from './torture/rehearsal.ts'
import { kinds, podKinds, schedule } from './torture/schedule.ts'

const records = [...recordsOf(3, 600)]
type Meddling = NonNullable<Parameters<typeof rehearse>[1]>

async function judge(meddling: Meddling, { disturbed = false } = {}): Promise<Verdict> {
  const checker = new Checker()
  for (const record of records) checker.sent(record)
  const settled = disturbed && checker.disturbEdges()
  for (const arrived of await rehearse(records, meddling)) checker.take(arrived)
  if (settled) settled()
  return checker.verdict()
}

/** Does something to what arrives at one place. */
const at = (place: Place, edit: (list: never[]) => unknown[]): Meddling => ({
  arrivals: (here, list) => (here === place ? (edit(list as never[]) as typeof list) : list),
})

const lose = (list: object[]) => list.toSpliced(100, 1)
const repeat = (list: object[]) => list.toSpliced(105, 0, list[100]!)
const repeatUnderNewId = (list: object[]) => list.toSpliced(105, 0, { ...list[100]!, id: 'entry:new' })
/** Two records of one key. */
const swap = (list: { value: { k: string } }[]) => {
  const { k } = list[100]!.value
  const next = list.findIndex(({ value }, i) => i > 100 && value.k === k)
  return list.with(100, list[next]!).with(next, list[100]!)
}
/** The state of a key goes back to what it was two records before. */
const rollBack = (place: Place): Meddling => {
  const before = new Map<string, unknown[]>()
  return {
    state(here, key, state, nth) {
      if (here !== place) return state
      const history = before.get(key) ?? []
      before.set(key, [...history, structuredClone(state)])
      return nth > 300 && nth % 50 === 0 ? (history.at(-2) ?? state) : state
    },
  }
}

const Judge = suite('checker of the torture')

Judge('finds nothing where nothing is wrong', async () => {
  const verdict = await judge({})
  assert.equal(verdict, {
    sent: 600,
    delivered: 600,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    stateErrors: 0,
    edgeRepeats: { source: 0, sink: 0 },
    problems: [],
  })
})

const mistakes: [name: string, meddling: Meddling, finds: (keyof Verdict)[]][] = [
  ['a record lost before the first function', at('stamp', lose), ['lost']],
  ['a record lost on one of two ways', at('left', lose), ['lost']],
  ['a part lost before the join', at('join', lose), ['lost']],
  ['a record lost before the tally', at('tally', lose), ['lost']],
  ['a record lost at the sink', at('sink', lose), ['lost']],
  ['a record handled twice by the first function', at('stamp', repeat), ['duplicated']],
  ['a record handled twice on one of two ways', at('left', repeat), ['duplicated']],
  ['a part handled twice by the join', at('join', repeat), ['duplicated']],
  ['a record counted twice by the tally', at('tally', repeat), ['duplicated']],
  ['a record twice at the sink', at('sink', repeat), ['duplicated']],
  ['two records of a key swapped before the first function', at('stamp', swap), ['reordered']],
  ['two records of a key swapped on one of two ways', at('left', swap), ['reordered']],
  ['two records of a key swapped before the tally', at('tally', swap), ['reordered']],
  ['two records of a key swapped at the sink', at('sink', swap), ['reordered']],
  ['the first function losing state', rollBack('stamp'), ['stateErrors']],
  ['a function losing state', rollBack('left'), ['stateErrors']],
  ['a record lost before the pulse', at('pulse', lose), ['stateErrors']],
  ['a record counted twice by the pulse', at('pulse', repeat), ['stateErrors']],
  ['the pulse losing state', rollBack('pulse'), ['stateErrors']],
  ['the join losing state', rollBack('join'), ['stateErrors']],
  ['the tally losing state', rollBack('tally'), ['stateErrors']],
]

for (const [name, meddling, finds] of mistakes) {
  Judge(`finds ${name}`, async () => {
    // Where repeats at the edges are allowed as well: they must not hide what went wrong inside.
    for (const disturbed of name.endsWith('twice at the sink') ? [false] : [false, true]) {
      const verdict = await judge(meddling, { disturbed })
      for (const what of finds) assert.ok(verdict[what] as number, `${what}: ${JSON.stringify(verdict)}`)
      assert.ok(hasFault(verdict))
    }
  })
}

Judge('counts apart what comes again at the edges, once a fault has reached them', async () => {
  const source = await judge(at('stamp', repeatUnderNewId), { disturbed: true })
  assert.not(hasFault(source), source.problems.join('\n'))
  assert.equal(source.edgeRepeats, { source: 1, sink: 0 })
  const sink = await judge(at('sink', repeat), { disturbed: true })
  assert.not(hasFault(sink), sink.problems.join('\n'))
  assert.equal(sink.edgeRepeats, { source: 0, sink: 1 })
})

Judge('takes a repeat at the edges for a fault where nothing has reached them', async () => {
  assert.ok(hasFault(await judge(at('stamp', repeatUnderNewId))))
  assert.ok(hasFault(await judge(at('sink', repeat))))
})

Judge('allows repeats at the edges no longer once a fault is long over', async () => {
  const many = [...recordsOf(4, 5_000)]
  const checker = new Checker()
  for (const record of many) checker.sent(record)
  checker.disturbEdges()()
  const late = (list: object[]) => list.toSpliced(9_000, 0, list[8_999]!)
  for (const arrived of await rehearse(many, at('sink', late))) checker.take(arrived)
  assert.is(checker.verdict().duplicated, 1)
})

Judge(
  'judges a repeat by when it was told, however long the record that it repeats is under way',
  async () => {
    const many = [...recordsOf(4, 5_000)]
    for (const isDisturbed of [true, false]) {
      const checker = new Checker()
      for (const record of many) checker.sent(record)
      const settled = isDisturbed ? checker.disturbEdges() : () => {}
      const { k, n } = many.at(-1)!
      checker.take({ kind: 'odd', at: 'stamp', k, n, after: n, id: 'entry:new' })
      settled()
      for (const arrived of await rehearse(many)) checker.take(arrived)
      const { duplicated, edgeRepeats } = checker.verdict()
      assert.equal(
        { duplicated, ...edgeRepeats },
        { duplicated: isDisturbed ? 0 : 1, source: isDisturbed ? 1 : 0, sink: 0 },
      )
    }
  },
)

Judge('finds what nobody sent', async () => {
  const checker = new Checker()
  checker.sent(records[0]!)
  checker.take({ kind: 'joined', k: 'nobody', n: 1, v: 1, id: 'x', count: 1, sum: 1, hash: 1 })
  assert.is(checker.verdict().stateErrors, 1)
})

Judge.run()

const Schedule = suite('schedule of the torture')
const plan = { seed: 5, records: 20_000, faults: 30 }

Schedule('follows from the seed and the size alone', () => {
  assert.equal(schedule(plan), schedule({ ...plan }))
  assert.not.equal(schedule(plan), schedule({ ...plan, seed: 6 }))
  assert.equal([...recordsOf(5, 50)], [...recordsOf(5, 100)].slice(0, 50))
})

Schedule('has as many faults as asked, in order, none after the last record', () => {
  for (const faults of [0, 1, 5, 30, 1_000]) {
    const drawn = schedule({ ...plan, faults })
    assert.is(drawn.length, faults)
    assert.ok(drawn.every(({ at }, i) => at < plan.records && at >= (drawn[i - 1]?.at ?? 0)))
  }
})

Schedule('has each kind of fault, and only those that are asked for', () => {
  assert.equal([...new Set(schedule(plan).map(({ kind }) => kind))].toSorted(), kinds.toSorted())
  const pods = schedule({ ...plan, kubernetes: true })
  assert.equal([...new Set(pods.map(({ kind }) => kind))].toSorted(), podKinds.toSorted())
  assert.ok(schedule({ ...plan, kinds: ['move'] }).every(({ kind }) => kind === 'move'))
})

Schedule('leaves source and sink alone unless told', () => {
  const aimed = (edges: boolean) =>
    schedule({ ...plan, faults: 500, edges, kinds: ['kill', 'stop', 'cut'] }).some(fault =>
      /entry|out/.test(JSON.stringify(fault)),
    )
  assert.not(aimed(false))
  assert.ok(aimed(true))
})

Schedule.run()
