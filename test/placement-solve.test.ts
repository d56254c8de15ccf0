import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { conflictOf } from '../controller/placement/conflict.ts'
import { evaluate } from '../controller/placement/evaluate.ts'
import { explain, runnerUp } from '../controller/placement/explain.ts'
import { Highs } from '../controller/placement/highs.ts'
import { ProgramBuilder } from '../controller/placement/linear-program.ts'
import { plansOf } from '../controller/placement/plans.ts'
import { relaxed, rulesOf } from '../controller/placement/relaxed.ts'
import { compareScores } from '../controller/placement/score.ts'
import { solve } from '../controller/placement/solve.ts'
import { bestOfEvery, everyPlacement, scoreOf } from './support/every-placement.ts'
import { randomInstance } from './support/placement-instances.ts'

const small = (seed: number) => randomInstance(seed, { items: 4, nodes: 3 })
const now = () => performance.now()
const seeds = Array.from({ length: 30 }, (_, i) => 1000 + i)

const Solve = suite<{ highs: Highs }>('solving')
Solve.before(context => {
  context.highs = new Highs()
})
Solve.after(({ highs }) => highs.close())

Solve('gives the best of all placements where it claims that, and a bound that holds', async ({ highs }) => {
  let optimal = 0
  let feasible = 0
  for (const seed of seeds) {
    const instance = small(seed)
    const best = bestOfEvery(instance)!
    const answer = await solve(instance, { seconds: 20, gap: 0, highs, now })
    const place = `seed ${seed}`
    assert.is(answer.evaluation.broken.length, best.evaluation.broken.length, place)
    if (answer.isInfeasible) assert.ok(best.evaluation.broken.length > 0, place)
    if (best.evaluation.broken.length > 0) continue
    feasible += 1
    assert.ok(answer.bound! <= best.evaluation.cost * (1 + 1e-6) + 1e-9, place)
    if (!answer.isOptimal) continue
    optimal += 1
    assert.ok(answer.cost <= best.evaluation.cost * (1 + 2e-6) + 1e-9, place)
  }
  assert.ok(feasible >= 8, `${feasible} have an answer`)
  assert.is(optimal, feasible)
})

Solve('claims no more than is so where less than the best will do', async ({ highs }) => {
  for (const seed of seeds) {
    const instance = small(seed)
    const best = bestOfEvery(instance)!
    if (best.evaluation.broken.length > 0) continue
    const { cost, bound } = await solve(instance, { seconds: 20, gap: 0.05, highs, now })
    assert.ok(bound! <= best.evaluation.cost * (1 + 1e-6) + 1e-9, `seed ${seed}: ${bound}`)
    assert.ok(cost <= best.evaluation.cost / 0.95 + 1e-9, `seed ${seed}: ${cost}`)
  }
})

Solve('ends at once when it is called off, with what it has', async ({ highs }) => {
  const instance = randomInstance(8, { items: 40, nodes: 30 })
  for (const afterSeconds of [0, 5]) {
    const abort = new AbortController()
    const [began, end] = [now(), { ms: 0 }]
    const answer = await solve(instance, {
      seconds: 3600,
      gap: -1,
      highs,
      now,
      signal: abort.signal,
      // Later on HiGHS is at work, whose thread hears nothing.
      onProgress: () => {
        if (abort.signal.aborted || now() - began < afterSeconds * 1_000) return
        end.ms = now()
        abort.abort()
      },
    })
    assert.is(Object.keys(answer.placement).length, 40)
    assert.ok(now() - end.ms < 3_000, `${now() - end.ms} ms after it was called off`)
  }
})

Solve('keeps to its time by the clock that it is given', async ({ highs }) => {
  let ms = 0
  let looks = 0
  await solve(randomInstance(3, { items: 20, nodes: 10 }), {
    seconds: 10,
    gap: -1,
    highs,
    now: () => (ms += 500),
    onProgress: () => looks++,
  })
  assert.ok(looks > 0 && looks <= 20, `${looks} looks`)
})

Solve('names rules that contradict, none of which can be left out', async ({ highs }) => {
  let named = 0
  for (const seed of seeds.slice(0, 12)) {
    const instance = small(seed)
    const conflict = await conflictOf(instance, { highs })
    const canHold = (rules: readonly string[]) => {
      const only = relaxed(instance, new Set(rules))
      for (const [, { broken }] of everyPlacement(only)) if (broken.length === 0) return true
      return false
    }
    assert.is(conflict === undefined, canHold(rulesOf(instance)), `seed ${seed}`)
    if (!conflict) continue
    named += 1
    assert.not(canHold(conflict), `seed ${seed}: ${conflict}`)
    for (const rule of conflict)
      assert.ok(canHold(conflict.filter(one => one !== rule)), `seed ${seed}: ${rule} of ${conflict}`)
  }
  assert.ok(named >= 3, `${named} contradict`)
})

Solve('offers what one, two and three moves give, each better than the one before', async ({ highs }) => {
  const instance = small(1001)
  for (const item of instance.items) {
    delete item.keep
    delete item.fixed
    item.current = { zone: instance.nodes[0]!.zone, node: 'node-0' }
  }
  const plans = await plansOf(instance, { seconds: 4, highs, now })
  assert.ok(plans.length > 1)
  plans.forEach(({ maxMoves, answer }, i) => {
    assert.ok(answer.evaluation.moves.length <= maxMoves)
    if (i > 0)
      assert.ok(compareScores(scoreOf(answer.evaluation), scoreOf(plans[i - 1]!.answer.evaluation)) < 0)
  })
  const one = bestOfEvery(instance, (_, { moves }) => moves.length <= 1)!
  assert.is(compareScores(scoreOf(plans[0]!.answer.evaluation), scoreOf(one.evaluation)), 0)
})

Solve('says what each zone would cost instead, and which placement comes second', async ({ highs }) => {
  const seed = seeds.find(one => {
    const { zones, items } = small(one)
    return zones.length === 3 && items.every(item => !item.with && !item.keep)
  })!
  const instance = small(seed)
  const { placement } = await solve(instance, { seconds: 5, gap: 0, highs, now })
  const zoneOf = (node: string) => instance.nodes.find(({ name }) => name === node)!.zone
  const alternatives = explain(instance, placement, 'item-1')
  assert.is(alternatives.length, 2)
  const before = evaluate(instance, placement).cost
  for (const { node, zone, costMore } of alternatives) {
    assert.is(zoneOf(node), zone)
    assert.ok(Math.abs(evaluate(instance, { ...placement, 'item-1': node }).cost - before - costMore) < 1e-12)
  }
  const second = runnerUp(instance, placement)!
  const best = bestOfEvery(instance, other =>
    Object.entries(other).some(([item, node]) => zoneOf(node) !== zoneOf(placement[item]!)),
  )!
  assert.is(compareScores(scoreOf(evaluate(instance, second.placement)), scoreOf(best.evaluation)), 0)
})

// Of two that were asked for in one turn the first never ended, and with it a command that waited.
Solve('has HiGHS end whatever it was asked, at once or in one turn with something else', async () => {
  await using highs = new Highs()
  const problem = new ProgramBuilder()
  problem.column(1, 5)
  const program = problem.build()
  const ask = () => highs.solve(program, { seconds: 5 })
  const both = await Promise.all([ask(), ask()])
  assert.equal(
    both.map(({ status }) => status),
    ['limit', 'optimal'],
  )
  const stopped = ask()
  await highs.stop()
  assert.is((await stopped).status, 'limit')
  assert.is((await ask()).status, 'optimal')
})

Solve.run()
