import { mock } from 'node:test'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Progress } from '../runtime/cursor.ts'
import { OpenFrames } from '../runtime/open-frames.ts'

const lane = 'a.0'
const frame = (seq: number) => ({ last: { origin: 'in.0', seq }, records: 5 })
const finished = (seq: number) => new Progress({ [lane]: { 'in.0': seq } })
const never = () => assert.unreachable()

const Open = suite('frames that a consumer has not finished')

Open('are as many as a window', () => {
  const open = new OpenFrames(lane)
  open.sent(frame(1), undefined)
  assert.equal([open.isFull(2), open.records], [false, 5])
  open.sent(frame(2), undefined)
  assert.equal([open.isFull(2), open.records], [true, 10])
  assert.ok(open.finish(finished(1)))
  assert.not(open.isFull(2))
  assert.not(open.finish(finished(1)))
  assert.is(open.behindAll, undefined)
})

Open('are none of what it has done', () => {
  const open = new OpenFrames(lane)
  open.sent(frame(3), finished(3))
  assert.ok(open.isEmpty)
})

Open('are one, until the consumer has finished it and so all that an owner before has sent', () => {
  const open = new OpenFrames(lane)
  open.inherit(undefined, undefined, never)
  assert.not(open.isFull(64))
  open.sent(frame(7), finished(2))
  assert.ok(open.isFull(64))
  assert.equal(open.behindAll, { origin: 'in.0', seq: 7 })
  assert.not(open.finish(finished(6)))
  assert.ok(open.isFull(64))
  open.finish(finished(7))
  open.sent(frame(8), finished(7))
  assert.not(open.isFull(64))
  assert.is(open.behindAll, undefined)
})

Open(
  'are none where an owner before knew of one, and one once that is finished: it may have sent more since',
  () => {
    const open = new OpenFrames(lane)
    open.inherit({ origin: 'in.0', seq: 7 }, undefined, never)
    assert.equal([open.isFull(64), open.records], [true, 0])
    open.finish(finished(7))
    assert.not(open.isFull(64))
    open.sent(frame(8), finished(7))
    assert.ok(open.isFull(64))
    open.finish(finished(8))
    open.sent(frame(9), finished(8))
    assert.not(open.isFull(64))
  },
)

Open('are one where what an owner before knew of is finished already', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const open = new OpenFrames(lane)
  open.inherit({ origin: 'in.0', seq: 7 }, finished(7), never)
  assert.not(open.isFull(64))
  open.sent(frame(8), finished(7))
  assert.ok(open.isFull(64))
  mock.timers.tick(300_000)
  assert.ok(open.isFull(64))
  mock.timers.reset()
})

Open('are one more after five minutes, where the broker may have lost what an owner before has sent', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const open = new OpenFrames(lane)
  let lost = 0
  open.inherit({ origin: 'in.0', seq: 7 }, finished(2), () => {
    lost += 1
  })
  mock.timers.tick(299_999)
  assert.equal([open.isFull(64), lost], [true, 0])
  mock.timers.tick(1)
  assert.equal([open.isFull(64), lost], [false, 1])
  open.sent(frame(8), finished(2))
  assert.ok(open.isFull(64))
  mock.timers.reset()
})

Open.run()
