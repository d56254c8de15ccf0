import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { benefitOf } from '../controller/placement/benefit.ts'
import { decide, type Evidence } from '../controller/placement/decision.ts'
import { evaluate } from '../controller/placement/evaluate.ts'
import type { Instance } from '../controller/placement/instance.ts'
import type { Answer } from '../controller/placement/solve.ts'
import { better, current, instanceOf, steady } from './support/filter-instance.ts'

const Decision = suite('decision about a placement')
const gib = 2 ** 30

const answerOf = (instance: Instance, more: Partial<Answer> = {}): Answer => {
  const evaluation = evaluate(instance, better)
  const { cost } = evaluation
  return {
    placement: better,
    evaluation,
    cost,
    bound: cost,
    gap: 0,
    isOptimal: true,
    isInfeasible: false,
    seconds: 0,
    by: 'search',
    ...more,
  }
}

const now = Date.UTC(2026, 0, 2)
const evidenceOf = (windows: Instance[], more: Partial<Evidence> = {}): Evidence => ({
  windows,
  measured: windows,
  current,
  moved: [],
  newest: now,
  now,
  ...more,
})

/** Names of the grounds that do not hold. */
const lacking = (evidence: Evidence, answer = answerOf(evidence.windows.at(-1)!)) => {
  const { isOffered, grounds } = decide(answer, evidence)
  const missing = grounds.filter(({ holds }) => !holds).map(({ rule }) => rule)
  assert.is(isOffered, missing.length === 0, missing.join())
  return missing
}

Decision('offers a move that pays, with what it saves and what it costs', () => {
  const evidence = evidenceOf(steady(1))
  const { isOffered, benefit, movingCost } = decide(answerOf(evidence.windows.at(-1)!), evidence)
  assert.ok(isOffered)
  assert.ok(Math.abs(benefit.mean - 0.9) < 1e-9, String(benefit.mean)) // 1 GiB an hour over the link, or a tenth of it
  assert.ok(benefit.low > 0.8 && benefit.low < 0.9 && benefit.high > 0.9)
  assert.is(benefit.holding, 10)
  assert.ok(Math.abs(movingCost - 0.5) < 1e-9)
})

const refusals: [why: string, evidence: () => Evidence, answer: Partial<Answer>, missing: string[]][] = [
  ['does not pay for the move', () => evidenceOf(steady(0.05)), {}, ['benefit']],
  ['is seen in too few windows', () => evidenceOf(steady(1, 1)), {}, ['benefit', 'holding']],
  ['is less than the bound says could be found', () => evidenceOf(steady(1)), { bound: -1 }, ['gap']],
  ['has no bound', () => evidenceOf(steady(1)), { bound: undefined as never }, ['gap']],
  ['has ended in the newest window', () => evidenceOf([...steady(1), instanceOf(0)]), {}, ['holding']],
  ['is inferred alone', () => ({ ...evidenceOf(steady(1)), measured: steady(0) }), {}, ['measured']],
  [
    'rests on what was measured long ago',
    () => evidenceOf(steady(1), { newest: now - 3_600_000 }),
    {},
    ['fresh'],
  ],
  ['comes too soon after another', () => evidenceOf(steady(1), { moved: [now - 60_000] }), {}, ['cooldown']],
  [
    'is over the budget of the day',
    () => evidenceOf(steady(1), { moved: [now - 7e6], movesPerDay: 1 }),
    {},
    ['budget'],
  ],
]
for (const [why, evidence, more, missing] of refusals) {
  Decision(`offers nothing that ${why}`, () => {
    const { windows } = evidence()
    const answer = answerOf(windows.at(-1)!, more)
    if ('bound' in more && more.bound === undefined) delete answer.bound
    assert.equal(lacking(evidence(), answer), missing)
  })
}

Decision('offers nothing that is less than the threshold of what runs', () => {
  const dear = { links: [{ from: 'edge', to: 'cloud', rttMs: 40, pricePerGiB: 1 }] }
  const windows = Array.from({ length: 10 }, () => {
    const instance = instanceOf(1, dear)
    const other = {
      id: 'other',
      from: 'fixed',
      recordsPerSecond: 1,
      bytesPerSecond: (100 * gib) / 3600,
      via: 'cloud',
    }
    const fixed = { name: 'fixed', kind: 'source' as const, hosts: 1, cpuMillis: 1, memoryBytes: 0 }
    return { ...instance, items: [...instance.items, fixed], edges: [...instance.edges, other] }
  })
  const all = (placement: Record<string, string>) => ({ ...placement, fixed: 'edge-1' })
  const evaluation = evaluate(windows[0]!, all(better))
  const answer = { ...answerOf(instanceOf(1)), placement: all(better), evaluation, cost: 1, bound: 1 }
  assert.equal(lacking({ ...evidenceOf(windows), current: all(current) }, answer), ['threshold'])
})

Decision('mends a broken rule whatever it costs, and never breaks one more', () => {
  const broken = (where: string) => (instance: Instance) => ({
    ...instance,
    items: instance.items.map(item => ({ ...item, fixed: { zone: where } })),
  })
  const mending = steady(0).map(broken('edge'))
  assert.ok(decide(answerOf(mending[0]!), evidenceOf(mending, { moved: [now - 1] })).isOffered)
  assert.equal(lacking(evidenceOf(steady(1).map(broken('cloud')))), ['rules'])
})

Decision('takes no rule for broken by what a single window says', () => {
  const narrow = (bytesPerSecond: number) => (instance: Instance) => ({
    ...instance,
    links: [{ ...instance.links[0]!, bytesPerSecond }],
  })
  // One window has ten thousand times as much, and more than the link takes.
  const usual = steady(0.001, 9).map(narrow(1e6))
  const lying = [...usual, instanceOf(10, { links: usual[0]!.links }), ...usual]
  const mean = instanceOf(10 / 19, { links: usual[0]!.links })
  const offered = (windows: Instance[]) => decide(answerOf(mean), evidenceOf(windows)).isOffered
  assert.not.ok(offered(lying))
  assert.not.ok(offered(lying.slice(0, 10)), 'also as long as it is the newest')
  assert.ok(offered(steady(10).map(narrow(1e6))), 'in each of them it is')
})

Decision('takes no rule for broken that was only inferred to be', () => {
  const near = (rttMs: number) => (instance: Instance) => ({
    ...instance,
    links: [{ ...instance.links[0]!, rttMs }],
    items: [
      { ...instance.items[0]!, near: [{ item: 'lamp', maxRttMs: 10 }] },
      { name: 'lamp', kind: 'sink' as const, hosts: 1, cpuMillis: 1, memoryBytes: 0 },
    ],
  })
  const all = (placement: Record<string, string>) => ({ ...placement, lamp: 'edge-1' })
  const windows = steady(0).map(near(40))
  const evaluation = evaluate(windows[0]!, all(better))
  const answer = { ...answerOf(instanceOf(0)), placement: all(better), evaluation, cost: evaluation.cost }
  const offered = (measured: Instance[]) =>
    decide(answer, { ...evidenceOf(windows), measured, current: all(current) }).isOffered
  assert.ok(offered(windows), 'forty milliseconds were measured')
  assert.not.ok(offered(steady(0).map(near(0))), 'nobody has measured them')
})

Decision('offers no plan that moves nothing', () => {
  const windows = steady(1)
  const evaluation = evaluate(windows[0]!, current)
  assert.not.ok(
    decide({ ...answerOf(windows[0]!), placement: current, evaluation }, evidenceOf(windows)).isOffered,
  )
})

/** Uniform in 0 to 1, from a seed. */
function uniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const series = (values: number[]) =>
  benefitOf(
    values.map(value => instanceOf(value / 0.9)),
    current,
    better,
  )

Decision(
  'is below the true mean in 95 of 100 series, also where each window follows from the one before',
  () => {
    const random = uniform(7)
    const noise = () => Array.from({ length: 12 }, random).reduce((a, b) => a + b, -6)
    for (const correlation of [0, 0.6]) {
      let [below, above] = [0, 0]
      for (let round = 0; round < 300; round++) {
        let last = noise()
        const values = Array.from({ length: 40 }, () => {
          last = correlation * last + Math.sqrt(1 - correlation ** 2) * noise()
          return 10 + last
        })
        const { low, high } = series(values)
        if (low < 10) below += 1
        if (high > 10) above += 1
      }
      assert.ok(below >= 275 && above >= 275, `${correlation}: ${below}, ${above} of 300`)
    }
  },
)

Decision('knows nothing of the mean from a single window, nor from windows that say the same', () => {
  assert.is(series([1]).low, Number.NEGATIVE_INFINITY)
  const { independent, low } = series(Array.from({ length: 30 }, (_, i) => i))
  assert.ok(independent < 4, String(independent))
  assert.ok(low < 8, String(low))
})

Decision('is sure of what is the same in each window, however its sum is rounded', () => {
  for (let count = 2; count < 60; count++) {
    const windows = Array.from({ length: count }, () => instanceOf(0.1))
    const { mean, low, independent } = benefitOf(windows, current, better)
    assert.is(independent, count)
    assert.ok(Math.abs(low - mean) < 1e-12, `${count} windows: ${low} of ${mean}`)
  }
})

Decision.run()
