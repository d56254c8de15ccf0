import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  hindsight,
  type Replay,
  regretted,
  replay,
  returns,
  spent,
} from '../bench/support/placement/replay.ts'
import { modelled, replayed, weekOf } from '../bench/support/placement/week.ts'
import { Highs } from '../controller/placement/highs.ts'

const Days = suite<{ highs: Highs }>('days of suggestions that are merged')
Days.before(context => {
  context.highs = new Highs()
})
Days.after(({ highs }) => highs.close())

const minutes = 2 * 24 * 60
const step = 20
const everyMinutes = 90

const kinds = [
  ['that were measured', replayed],
  ['of a model with busy hours and bursts', modelled(1)],
] as const
for (const [what, latencies] of kinds) {
  Days(`move little and nothing to and fro, with latencies ${what}`, async ({ highs }) => {
    const at = weekOf(1, latencies)
    const days = await replay({ at, minutes, everyMinutes, highs })
    const moves = days.changes.flatMap(({ items }) => items)
    assert.ok(moves.length > 0 && moves.length <= 8, `${moves.length} moves`)
    assert.is(returns(days.changes), 0)
    assert.equal(regretted(days.changes, at, minutes), [])
    const stay: Replay = { ...days, changes: [], placeAt: () => days.seen[0]! }
    const best = hindsight(days.seen, at, minutes, step)
    const [ours, unmoved] = [days, stay].map(each => spent(each, at, minutes, step))
    assert.ok(best <= ours! && ours! < 1.2 * best, `${ours} against ${best} in hindsight`)
    assert.ok(ours! < 0.7 * unmoved!, `${ours} against ${unmoved} where it began`)
  })
}

Days('go to and fro where only the last minutes count, and nothing else is asked for', async ({ highs }) => {
  const rules = { threshold: 0, windows: 1, cooldownMs: 0, staleMs: 600_000 }
  const at = weekOf(1, replayed)
  const { changes } = await replay({ at, minutes, everyMinutes, spanMinutes: 15, rules, highs })
  assert.ok(returns(changes) > 0, 'what this test is for')
})

Days.run()
