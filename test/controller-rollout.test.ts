import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type RolloutState, rollout } from '../controller/rollout.ts'
import { wiringOf } from '../schema/wiring.ts'
import { flowOf } from './support/planned.ts'
import { fn } from './support/rig.ts'

const keyed = (name: string, from: string, max: number) =>
  fn(name, [from], { key: 'k', scale: { min: 1, max } })
/** `b` and `c` read `a` by partitions of their own. */
const contentsOf = (ofB: number, ofC: number) =>
  Object.fromEntries(wiringOf(flowOf(keyed('a', 'tick', 2), keyed('b', 'a', ofB), keyed('c', 'a', ofC))))
const node = { generation: 1, artifact: '', node: 'n1', pid: 1, startedAt: '' }

/** Passes until nothing changes, where hosts have in effect what `inEffect` lets them. */
function settle(
  wanted: ReturnType<typeof contentsOf>,
  state: RolloutState,
  inEffect: (of: string, partition: number) => number,
): string[] {
  const told: string[] = []
  for (let pass = 0; pass < 20; pass++) {
    state.presences = Object.entries(state.wirings).flatMap(([of, { partitions, revision }]) =>
      Array.from({ length: partitions }, (_, n) => ({
        ...node,
        v: 1 as const,
        host: `${of}-${n}`,
        function: of,
        wiring: Math.min(revision, inEffect(of, n)),
        partitions: [n],
      })),
    )
    const next = rollout(wanted, state)
    if (Object.keys(next).length === 0) return told
    for (const [of, wiring] of Object.entries(next))
      told.push(`${of} ${wiring.revision}${wiring.next ? ' next' : ''}${wiring.last ? ' last' : ''}`)
    Object.assign(state.wirings, next)
  }
  throw new Error(`does not come to rest: ${told.join(', ')}`)
}

const Rollout = suite('rollout')

Rollout('wires a producer no further while some partition of it is to switch to new partitions', () => {
  const state: RolloutState = { wirings: {}, presences: [], resting: {}, failed: new Set(), ended: {} }
  const all = () => Number.POSITIVE_INFINITY
  settle(contentsOf(2, 2), state, all)
  // One partition of `a` keeps what it has in effect, as where its host is away.
  const before = state.wirings.a!.revision
  const late = (of: string, n: number) => (of === 'a' && n === 1 ? before : all())
  settle(contentsOf(4, 2), state, late)
  const switched = state.wirings.a!.revision
  assert.ok(switched > before)
  assert.not.ok(state.wirings.b!.last)
  // What the other partition sends to the new ones waits for them: it can't follow a further change.
  const full = (of: string, n: number) => (of === 'a' ? (n === 1 ? before : switched) : all())
  settle(contentsOf(4, 4), state, full)
  assert.is(state.wirings.a!.revision, switched)
  const over = (of: string) => (of === 'a' ? switched : all())
  settle(contentsOf(4, 4), state, over)
  assert.ok(state.wirings.b!.last, JSON.stringify(state.wirings.b))
})

Rollout.run()
