import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Counters } from '../runtime/counters.ts'
import { Progress } from '../runtime/cursor.ts'
import { emittedOf } from '../runtime/emitted.ts'
import { MemoryTransport } from '../runtime/memory-transport.ts'
import { OutputLane } from '../runtime/output-lane.ts'
import { turnOrigin } from '../runtime/record-id.ts'
import type { Stream } from '../schema/wiring.ts'
import { until } from './support/rig.ts'

const window = 3
const streamTo = (...consumers: string[]): Stream => ({ name: 'all', shards: 1, window, consumers })

async function laneTo(...consumers: string[]) {
  const left: { turn?: number; r?: number[] }[] = []
  const heard = new Map<string, Progress>()
  const connection = await new MemoryTransport().connect({
    clientId: 'producer',
    clean: true,
    onMessage({ payload, ack }) {
      left.push(JSON.parse(payload.toString()))
      ack()
    },
    onClose() {},
  })
  await connection.subscribe(['data'], 1)
  let told = 0
  const lane = new OutputLane({
    connection,
    counters: new Counters(),
    topic: 'data',
    output: 'default',
    stream: streamTo(...consumers),
    shard: 0,
    partition: 0,
    name: 'a.0',
    buffer: { size: 0 },
    onProgress() {},
    onBehindAll() {
      told += 1
    },
    creditOf: consumer => (heard.has(consumer) ? { progress: heard.get(consumer)!, frames: 1 } : undefined),
    turn: async () => 1,
  })
  let seq = 0
  /** Records that the broker has, of so many more. */
  const send = async (records: number) => {
    const pending = { outputs: 0 }
    for (let n = 0; n < records; n++) {
      pending.outputs += 1
      seq += 1
      lane.add({ origin: '', seq, time: 0 }, seq, undefined, emittedOf('default', seq), pending)
      await new Promise(setImmediate)
    }
    return records - pending.outputs
  }
  return { lane, send, heard, left, told: () => told }
}

const finished = (seq: number, turn?: number) =>
  new Progress({ 'a.0': { '': seq, ...(turn !== undefined && { [turnOrigin]: turn }) } })

const Lane = suite('a lane to several consumers')

Lane('is held back by the slowest, and not by one that it leaves', async () => {
  const { lane, send } = await laneTo('quick', 'slow')
  assert.is(await send(5), window)
  lane.credit('quick', finished(3))
  assert.equal(lane.waitingFor(), ['slow'])
  assert.is(await send(1), 0)
  lane.leave(['slow'], true)
  await until(() => !lane.clearing, 'the rest to leave')
})

Lane('expects nothing of a consumer that comes again but what it was sent since', async () => {
  const { lane, send } = await laneTo('quick', 'slow')
  assert.is(await send(window), window)
  lane.credit('quick', finished(3))
  lane.follow(streamTo('quick'))
  lane.follow(streamTo('quick', 'slow'))
  assert.equal([lane.isHeldBack, lane.backlog('slow')], [false, 0])
  assert.is(await send(window), window)
})

Lane('sends a turn until each has finished what an owner before has sent, and tells of it', async () => {
  const { lane, send, told } = await laneTo('quick', 'slow')
  lane.inherit()
  assert.equal([lane.behindAll, told()], [undefined, 0])
  assert.is(await send(2), 0)
  const last = { origin: turnOrigin, seq: 1 }
  assert.equal([lane.behindAll, told()], [{ quick: last, slow: last }, 1])
  lane.credit('quick', finished(0, 1))
  assert.equal([lane.behindAll, lane.waitingFor()], [{ slow: last }, ['slow']])
  assert.is(await send(1), 0)
  lane.credit('slow', finished(0, 1))
  assert.equal([lane.behindAll, told()], [undefined, 3])
  await until(() => lane.isIdle, 'the records to leave')
})

Lane('sends nothing while one has not finished what an owner before has told of', async () => {
  const { lane, send } = await laneTo('quick', 'slow')
  const known = { origin: turnOrigin, seq: 0 }
  lane.inherit({ slow: known })
  assert.is(await send(1), 0)
  assert.equal(lane.behindAll, { slow: known })
  lane.credit('slow', finished(0, 0))
  await until(() => lane.behindAll?.quick !== undefined, 'a turn to leave')
  assert.equal(lane.behindAll?.slow, { origin: turnOrigin, seq: 1 })
})

Lane('sends nothing again of what each has finished', async () => {
  const { lane, send, heard, left } = await laneTo('quick', 'slow')
  lane.inherit()
  await send(4)
  heard.set('quick', finished(4, 1)).set('slow', finished(2, 1))
  for (const [consumer, progress] of heard) lane.credit(consumer, progress)
  await until(() => lane.isIdle, 'the rest to leave')
  const [turn, ...frames] = left
  assert.is(turn!.turn, 1)
  assert.equal(
    frames.flatMap(({ r }) => r),
    [3, 4],
  )
})

Lane.run()
