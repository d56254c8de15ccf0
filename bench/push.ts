import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { startController } from '../controller/controller.ts'
import type { ControllerEvent } from '../controller/options.ts'
import { wireTransport } from '../runtime/wire-transport.ts'
import { makeRepository } from '../test/support/repository.ts'
import { type Bench, median } from './figure.ts'

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
    await repository.write(files())
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
      const load = await startLoad(controller.brokerUrl)
      const seconds: number[] = []
      let builds = 0
      let restarts = 0
      for (let run = 1; run <= runs; run++) {
        await sleep(1_500)
        await repository.write({ 'mark.ts': mark(run) })
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

const mark = (version: number) => `import type { Context } from 'dyninka'
export default function mark(n: number, ctx: Context<{ outputs: { rare: number } }>): { n: number; version: number } {
  if (n % 100 === 0) ctx.emit('rare', n)
  return { n, version: ${version} }
}
`

function files(): Record<string, string> {
  const names = Array.from({ length: others }, (_, i) => `other${i}`)
  const functions = names.map(
    (name, i) => `  ${name}: { code: ${name}.ts, from: ${i === 0 ? 'mark.rare' : names[i - 1]} }`,
  )
  return {
    'dataflow.yaml': `apiVersion: dyninka.dev/v1
name: bench
sources:
  numbers: { mqtt: bench/in }
functions:
  mark: { code: mark.ts, from: numbers }
${functions.join('\n')}
sinks:
  out: { from: mark, mqtt: bench/out }
`,
    'mark.ts': mark(0),
    ...Object.fromEntries(
      names.map((name, i) => [`${name}.ts`, `export default (n: number): number => n + ${i}\n`]),
    ),
  }
}

/** Numbers at a steady rate into the source, and what comes of them out of the sink. */
async function startLoad(url: string) {
  const arrived = new Set<number>()
  const firstBy = new Map<number, number>()
  const connection = await wireTransport(url).connect({
    clientId: 'bench',
    clean: true,
    onMessage(message) {
      message.ack()
      const { n, version } = JSON.parse(message.payload.toString()) as { n: number; version: number }
      arrived.add(n)
      if (!firstBy.has(version)) firstBy.set(version, performance.now())
    },
    onClose() {},
  })
  await connection.subscribe(['bench/out'], 1)
  let sent = 0
  const start = performance.now()
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - start) / 1000) * perSecond)
    for (; sent < due; sent++) void connection.publish('bench/in', String(sent))
  }, 5)
  let elapsedMs = 0
  return {
    firstBy,
    sent: () => sent,
    missing: () => sent - arrived.size,
    rate: () => Math.round(sent / (elapsedMs / 1000)),
    async stop() {
      clearInterval(timer)
      elapsedMs = performance.now() - start
    },
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + giveUpMs
  while (!holds()) {
    if (performance.now() > end) throw new Error(`gave up waiting: ${what}`)
    await sleep(5)
  }
}
