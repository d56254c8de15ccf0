import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compile, numbered, placementOf } from '../controller/placement/compiled.ts'
import { evaluate } from '../controller/placement/evaluate.ts'
import { Lagrangian } from '../controller/placement/lagrangian.ts'
import { LocalSearch } from '../controller/placement/local-search.ts'
import { compareScores } from '../controller/placement/score.ts'
import { sitesOf } from '../controller/placement/sites.ts'
import { start } from '../controller/placement/start.ts'
import { bestOfEvery, scoreOf } from './support/every-placement.ts'
import { randomInstance } from './support/placement-instances.ts'

const small = (seed: number) => randomInstance(seed, { items: 3, nodes: 3 })
const isSame = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a))

const Bound = suite('the bound of the Lagrangian')

Bound('is never above the best of all placements, and closes no place that this needs', () => {
  let tight = 0
  let feasible = 0
  for (let seed = 1; seed <= 500; seed++) {
    const instance = small(seed)
    const model = compile(instance)
    const best = bestOfEvery(instance)!
    const isFeasible = best.evaluation.broken.length === 0
    const upper = isFeasible ? best.evaluation.cost : Number.POSITIVE_INFINITY
    const sites = sitesOf(model, true)
    const lagrangian = new Lagrangian(model, sites)
    for (let step = 0; step < 60 && !lagrangian.isConverged; step++) lagrangian.step(upper)
    if (!isFeasible) continue
    feasible += 1
    assert.ok(lagrangian.bound <= upper || isSame(lagrangian.bound, upper), `seed ${seed}`)
    if (isSame(lagrangian.bound, upper)) tight += 1
    const node = numbered(model, best.placement)
    node.forEach((k, i) => {
      assert.is(lagrangian.openSites[i * sites.count + k], 1, `seed ${seed}, item ${i}`)
    })
  }
  assert.ok(feasible > 150, `${feasible} have an answer`)
  assert.ok(tight > feasible / 3, `tight for ${tight} of ${feasible}`)
})

const Search = suite('the search')

Search('finds the best of all placements nearly always, and never one that breaks more than before', () => {
  const seeds = 200
  let found = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const instance = small(seed)
    const model = compile(instance)
    const before = evaluate(instance, placementOf(model, start(model)))
    const search = new LocalSearch(model, { seed })
    search.run(5_000)
    const after = scoreOf(evaluate(instance, placementOf(model, search.best.node)))
    assert.is(compareScores(after, search.best.score), 0, `seed ${seed}`)
    assert.ok(compareScores(after, scoreOf(before)) <= 0, `seed ${seed}`)
    if (compareScores(after, scoreOf(bestOfEvery(instance)!.evaluation)) === 0) found += 1
  }
  assert.ok(found >= 0.97 * seeds, `${found} of ${seeds}`)
})

Search('gives the same for the same seed', () => {
  const model = compile(randomInstance(5, { items: 12, nodes: 8 }))
  const [one, other] = [1, 1].map(seed => {
    const search = new LocalSearch(model, { seed })
    for (let i = 0; i < 20; i++) search.run(500)
    return search.best
  })
  assert.equal(one, other)
})

Search('leaves where it is all but as many items as may move', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const instance = randomInstance(seed, { items: 4, nodes: 3 })
    for (const item of instance.items) item.current ??= { zone: instance.nodes[0]!.zone, node: 'node-0' }
    for (const item of instance.items)
      item.current!.node ??= instance.nodes.find(n => n.zone === item.current!.zone)!.name
    const model = compile(instance)
    for (const maxMoves of [0, 1, 2]) {
      const search = new LocalSearch(model, { seed, maxMoves })
      search.run(3_000)
      const got = evaluate(instance, placementOf(model, search.best.node))
      assert.ok(got.moves.length <= maxMoves, `seed ${seed}: ${got.moves}`)
      if (maxMoves === 2) continue
      const best = bestOfEvery(instance, (_, { moves }) => moves.length <= maxMoves)!
      assert.is(compareScores(scoreOf(got), scoreOf(best.evaluation)), 0, `seed ${seed}, ${maxMoves} moves`)
    }
  }
})

Bound.run()
Search.run()
