import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { startController } from '../controller/controller.ts'
import type { ControllerEvent } from '../controller/options.ts'
import { makeRepository } from '../test/support/repository.ts'
import { type Bench, median } from './figure.ts'
import { markCode, markedFlow, markedLoad } from './support/marked-flow.ts'

const perSecond = 1_000
const others = 19
const giveUpMs = 30_000

/** From `git push` until the first record is handled by the new code: one changed function of 20, which takes
 *  1,000 records a second all the while. The others hang on a side branch that few records reach. */
export default {
  name: 'push',
  async run({ runs }) {
    const state = await mkdtemp(join(tmpdir(), 'dyninka-'))
    const repository = await makeRepository()
    const events: ControllerEvent[] = []
    await repository.write(markedFlow(others))
    await repository.commit()
    await repository.push()
    const controller = await startController({
      repo: repository.bare,
      state,
      logger: pino({ level: 'silent' }),
      onEvent: event => events.push(event),
    })
    try {
      await until('the dataflow is ready', () => events.some(({ type }) => type === 'ready'))
      const load = await markedLoad(controller.brokerUrl, perSecond)
      const seconds: number[] = []
      let builds = 0
      let restarts = 0
      for (let run = 1; run <= runs; run++) {
        await sleep(1_500)
        await repository.write({ 'mark.ts': markCode(run) })
        await repository.commit()
        events.length = 0
        const start = performance.now()
        await repository.push()
        await until('a record is handled by the new code', () => load.firstBy.has(run))
        seconds.push((load.firstBy.get(run)! - start) / 1000)
        await until('it is ready', () => events.some(({ type }) => type === 'ready'))
        builds = Math.max(builds, events.filter(event => event.type === 'built' && !event.reused).length)
        restarts = Math.max(restarts, events.filter(({ type }) => type === 'started').length)
      }
      await load.stop()
      await until('all has arrived', () => load.missing() === 0).catch(() => {})
      return [
        {
          name: 'git push to first record by the new code',
          value: median(seconds),
          unit: 's',
          goal: 0.5,
          better: 'lower',
        },
        { name: 'builds', value: builds, unit: '', goal: 1, better: 'lower' },
        { name: 'restarts', value: restarts, unit: '', goal: 1, better: 'lower' },
        { name: `records lost of ${load.sent()}`, value: load.missing(), unit: '', goal: 0, better: 'lower' },
        { name: 'records sent', value: load.rate(), unit: '1/s', goal: 0.95 * perSecond, better: 'higher' },
      ]
    } finally {
      await controller.stop({ hosts: true })
      await repository.remove()
      await rm(state, { recursive: true, force: true, maxRetries: 5 })
    }
  },
} satisfies Bench

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + giveUpMs
  while (!holds()) {
    if (performance.now() > end) throw new Error(`gave up waiting: ${what}`)
    await sleep(5)
  }
}
