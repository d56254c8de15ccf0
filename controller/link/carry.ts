import type { Socket } from 'node:net'
import type { Lane } from './lane.ts'

/** What one connection may have on its way: a sender that gets no answer stops there, as TCP's window would have it. */
const maxOnWay = 4 * 1024 * 1024
/** Timers of Node are late by half a millisecond on average. */
const earlyMs = 0.5

/** Passes on what comes, in order, when the lane has brought it there. Reads no more than the other end takes and the lane
 *  has room for. An end, and a connection that breaks, take the same way. */
export function carry(from: Socket, to: Socket, lane: Lane): void {
  const onWay: { due: number; chunk?: Buffer; isBroken?: true }[] = []
  let bytes = 0
  let isFull = false
  let delivery: NodeJS.Timeout | undefined
  let reading: NodeJS.Timeout | undefined

  const deliver = () => {
    delivery = undefined
    while (onWay.length > 0 && !isFull && onWay[0]!.due <= performance.now() + earlyMs) {
      const { chunk, isBroken } = onWay.shift()!
      if (isBroken) return void to.resetAndDestroy()
      if (!chunk) {
        to.end()
        continue
      }
      bytes -= chunk.length
      if (to.write(chunk)) continue
      isFull = true
      to.once('drain', () => {
        isFull = false
        deliver()
      })
    }
    read()
    if (onWay.length > 0 && !isFull)
      delivery ??= setTimeout(deliver, Math.max(0, onWay[0]!.due - performance.now() - earlyMs))
  }
  const read = () => {
    const waitMs = lane.waitMs(performance.now())
    if (bytes < maxOnWay && waitMs === 0) return void from.resume()
    from.pause()
    // What is delivered makes room in the one case, time in the other.
    if (bytes < maxOnWay)
      reading ??= setTimeout(() => {
        reading = undefined
        read()
      }, waitMs)
  }
  const send = (chunk?: Buffer, isBroken?: true) => {
    onWay.push({
      due: lane.send(chunk?.length ?? 0, performance.now()),
      ...(chunk && { chunk }),
      ...(isBroken && { isBroken }),
    })
    bytes += chunk?.length ?? 0
    deliver()
  }
  from.on('data', chunk => send(chunk as Buffer))
  from.on('end', () => send())
  from.on('error', () => {}) // `close` follows
  from.on('close', hadError => hadError && send(undefined, true))
  to.on('close', () => {
    clearTimeout(delivery)
    clearTimeout(reading)
    onWay.length = 0
  })
}
