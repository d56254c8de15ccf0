import { decode } from '../runtime/frame.ts'
import { FrameError } from '../runtime/frame-error.ts'
import { corpus, damage } from '../test/support/frame-corpus.ts'
import type { Bench } from './figure.ts'

const inputs = 10_000_000
const progressEvery = 1_000_000

/** Ten million damaged frames: the decoder reads or refuses each, and never ends in any other way. A run that goes
 *  wrong ends with the frame. */
const fuzz: Bench = {
  name: 'fuzz',
  async run() {
    const random = xorshift(Date.now() | 1)
    const start = performance.now()
    let refused = 0
    let slowestMs = 0
    let before = start
    for (let n = 1; n <= inputs; n++) {
      let frame: Buffer = corpus[random() % corpus.length]!
      for (let times = 1 + (random() % 3); times > 0; times--)
        frame = damage(frame, random(), random(), random())
      try {
        decode(frame)
      } catch (error) {
        if (!(error instanceof FrameError))
          throw new Error(`on ${frame.toString('base64')}`, { cause: error })
        refused += 1
      }
      if (n % 100 === 0) {
        const now = performance.now()
        slowestMs = Math.max(slowestMs, now - before)
        before = now
      }
      if (n % progressEvery === 0) console.error(`${n / 1e6} M of ${inputs / 1e6} M, ${refused} refused`)
    }
    const seconds = (performance.now() - start) / 1000
    return [
      { name: 'inputs', value: inputs, unit: '', goal: inputs, better: 'higher' },
      { name: 'refused', value: (100 * refused) / inputs, unit: '%', better: 'higher' },
      { name: 'ended in another way', value: 0, unit: '', goal: 0, better: 'lower' },
      { name: 'slowest hundred', value: slowestMs, unit: 'ms', better: 'lower' },
      { name: 'rate', value: inputs / seconds, unit: '/s', better: 'higher' },
      { name: 'allocation, of the input', value: allocation(), unit: '×', goal: 40, better: 'lower' },
    ]
  },
}

export default fuzz

/** The most heap that one hostile frame takes, as a multiple of its size. */
function allocation(): number {
  const size = 4 * 1024 * 1024
  const hostile = [
    '['.repeat(size),
    '['.repeat(size / 2) + ']'.repeat(size / 2),
    `{"v":1,"p":0,"o":[],"r":[${'[],'.repeat(size / 3)}[]]}`,
    `{"v":1,"p":0,"o":["a"],"r":[${'[0,"1",1,null,1],'.repeat(size / 17)}[]]}`,
    `{"v":1,"p":0,"o":["${'a'.repeat(size)}"],"r":[]}`,
    `[${'{},'.repeat(size / 3)}{}]`,
    `{"v":2,"p":0,"o":["a"],"t":1,"r":[],"c":[[["a"],[${'1,'.repeat(size / 2)}1]]],"n":${size / 2 + 1},"s":["1"]}`,
    `{"v":2,"p":0,"o":["a"],"t":1,"r":[],"c":[${'[["a"],[1]],'.repeat(size / 12)}[]],"s":[]}`,
  ]
  return Math.max(
    ...hostile.map(text => {
      const payload = Buffer.from(text)
      const before = process.memoryUsage().heapUsed
      try {
        decode(payload)
      } catch {}
      return (process.memoryUsage().heapUsed - before) / payload.length
    }),
  )
}

/** Fast, and good enough to choose damage. */
function xorshift(seed: number) {
  let state = seed >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
}
