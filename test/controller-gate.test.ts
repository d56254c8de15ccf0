import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Gate } from '../controller/gate.ts'

const Gates = suite('a gate')

/** Work that ends when it is told to. */
function work(gate: Gate, signal?: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const job = { begun: false, end: resolve, fail: reject, done: Promise.resolve() }
  const begin = () => {
    job.begun = true
    return promise
  }
  job.done = gate.pass(begin, signal)
  job.done.catch(() => {})
  return job
}
const begun = (jobs: { begun: boolean }[]) => jobs.map(job => job.begun)
const turn = () => new Promise(resolve => setImmediate(resolve))

Gates('lets so many through at once, and the next one when one is done or fails', async () => {
  const gate = new Gate(2)
  const jobs = Array.from({ length: 4 }, () => work(gate))
  await turn()
  assert.equal(begun(jobs), [true, true, false, false])
  jobs[1]!.end()
  await turn()
  assert.equal(begun(jobs), [true, true, true, false])
  jobs[0]!.fail(new Error('no'))
  await turn()
  assert.equal(begun(jobs), [true, true, true, true])
})

Gates('lets who gives up go, and keeps no place for it', async () => {
  const gate = new Gate(1)
  const leaving = new AbortController()
  const first = work(gate)
  const second = work(gate, leaving.signal)
  const third = work(gate)
  leaving.abort(new Error('given up'))
  const error = await second.done.catch(error => error as Error)
  assert.match((error as Error).message, 'given up')
  first.end()
  await turn()
  assert.equal(begun([second, third]), [false, true])
  third.end()
  await turn()
  const fourth = work(gate)
  await turn()
  assert.ok(fourth.begun)
})

Gates.run()
