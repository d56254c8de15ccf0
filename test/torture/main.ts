/** `npm run torture -- --records N --seed S --broker NAME`: breaks a dataflow under load, and counts what it lost. */
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type BrokerName, brokerNames } from './broker.ts'
import { type Kind, kinds, podKinds, schedule, textOf } from './schedule.ts'
import { Refused, torture } from './torture.ts'
import type { Progress, Report } from './under-load.ts'

const usage = `npm run torture -- [options]

Sends records through a dataflow that really runs (repository, controller, hosts, broker), kills, stops, moves,
updates, scales and cuts meanwhile, and counts what is lost, duplicated, out of order, or wrong in the state.

  --records N     records to send (20000)
  --seed S        decides records and faults: the same seed, the same schedule (1)
  --faults F      how many faults (one for each 1000 records, at least 30)
  --broker NAME   ${brokerNames.join(', ')} (aedes); rabbitmq starts, and is refused
  --kubernetes    as pods of a test cluster, with a managed broker and two controllers (needs root, see test/cluster)
  --zones         a broker for each of two zones beside the dataflow's own, and edges that go by all three
  --queue N       brokers (mosquitto) that keep N messages for a client and drop the rest; source and sink have a broker
                  of their own, so that the load goes on while functions stall for up to half a minute
  --minutes M     spread the records over so many minutes (default: as fast as they go through, at most --rate)
  --rate R        records a second at most (2000; with --kubernetes 40)
  --edges         kill and stop source and sink too; repeats there are counted apart
  --only KINDS    only these faults: ${kinds.join(',')}
                  with --kubernetes: ${podKinds.join(',')}
  --plan          print the schedule, and do nothing
  --keep DIR      copy the controller's state and logs there when something is wrong
  --json          the result on stdout, for machines
  -h, --help      this text

Examples:
  npm run torture                                          # 20,000 records, 30 faults
  npm run torture -- --records 100000 --faults 200 --broker mosquitto
  npm run torture -- --records 1000000 --minutes 60 --json # an hour, 1,000 faults
  npm run torture -- --broker mosquitto --queue 100        # a broker that drops what waits
  npm run torture -- --kubernetes --records 20000          # about 10 minutes
  npm run torture -- --seed 7 --plan                       # what would happen

At most 400 records are under way at once, with --queue 20,000: a default mosquitto drops what waits beyond 1,000.
Exit codes: 0 nothing wrong, 1 something is, 2 wrong usage, or a broker on which Dyninka refuses to run, 130 Ctrl-C`

const { values } = parse()
const records = positive('records')
const seed = positive('seed')
const faults = values.faults === undefined ? Math.max(30, Math.round(records / 1_000)) : positive('faults', 0)
const kubernetes = values.kubernetes === true
const known = kubernetes ? podKinds : kinds
values.rate ??= kubernetes ? '40' : '2000'
const rate = values.minutes === undefined ? positive('rate') : records / (positive('minutes') * 60)
const only = values.only?.split(',') as Kind[] | undefined
const broker = values.broker as BrokerName
if (!brokerNames.includes(broker)) fail(`--broker: one of ${brokerNames.join(', ')}, not ${values.broker}`)
for (const kind of only ?? []) if (!known.includes(kind)) fail(`--only: there is no kind of fault "${kind}"`)
if (values.zones && kubernetes) fail('--zones is of processes: leave --kubernetes out')
if (values.queue !== undefined && kubernetes) fail('--queue is of processes: leave --kubernetes out')
if (values.queue !== undefined && broker !== 'mosquitto')
  fail('--queue is of mosquitto: add --broker mosquitto')
const queue = values.queue === undefined ? undefined : positive('queue')
const plan = {
  seed,
  records,
  faults,
  edges: values.edges === true,
  kubernetes,
  ...(queue && { queue }),
  ...(only && { kinds: only }),
}

if (values.plan) {
  for (const fault of schedule(plan)) console.log(`${String(fault.at).padStart(9)}  ${textOf(fault)}`)
  process.exit(0)
}

const again = `npm run torture -- ${process.argv
  .slice(2)
  .filter(arg => arg !== '--json')
  .join(' ')}`
const started = performance.now()
let shown = 0
const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupted.abort())
const run = { ...plan, signal: interrupted.signal, rate, onProgress: show }
const running = kubernetes
  ? (await import('./kubernetes/torture.ts')).torturePods({
      ...run,
      onFailure: async stand => values.keep && stand.keep(values.keep),
    })
  : torture({
      ...run,
      broker,
      zones: values.zones === true,
      async onFailure(controlled) {
        if (!values.keep) return
        await cp(controlled.state, values.keep, { recursive: true })
        for (const what of ['observed', 'status'])
          await writeFile(
            join(values.keep, `${what}.json`),
            JSON.stringify(await controlled.get(`/api/${what}`), null, 1),
          )
      },
    })
const report = await running.catch((error: Error) => {
  if (!(error instanceof Refused)) throw error
  console.error(error.message)
  process.exit(2)
})
if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
tell(report)
process.exit(interrupted.signal.aborted ? 130 : report.ok ? 0 : 1)

function tell({ problems, ok, ...result }: Report) {
  for (const problem of problems) console.error(problem)
  if (values.json)
    return console.log(
      JSON.stringify({ ...result, ok, problems, seed, broker: kubernetes ? 'managed' : broker }),
    )
  console.log(JSON.stringify(result))
  if (interrupted.signal.aborted) console.log('Interrupted.')
  else console.log(ok ? 'Nothing wrong.' : `Something is wrong. The same again: ${again}`)
}

/** On a terminal a line that is rewritten, else one every 10 s. */
function show({ sent, delivered, faults: done, last }: Progress) {
  const now = performance.now()
  if (now - shown < (process.stderr.isTTY ? 200 : 10_000)) return
  shown = now
  const seconds = Math.round((now - started) / 1_000)
  const line = `${sent} of ${records} sent, ${delivered} through, ${done} of ${faults} faults (${last}), ${seconds} s`
  process.stderr.write(
    process.stderr.isTTY ? `\r\x1b[K${line.slice(0, process.stderr.columns - 1)}` : `${line}\n`,
  )
}

function parse() {
  try {
    const parsed = parseArgs({
      options: {
        records: { type: 'string', default: '20000' },
        seed: { type: 'string', default: '1' },
        faults: { type: 'string' },
        broker: { type: 'string', default: 'aedes' },
        queue: { type: 'string' },
        minutes: { type: 'string' },
        rate: { type: 'string' },
        kubernetes: { type: 'boolean' },
        edges: { type: 'boolean' },
        zones: { type: 'boolean' },
        only: { type: 'string' },
        plan: { type: 'boolean' },
        keep: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (!parsed.values.help) return parsed
    console.log(usage)
    process.exit(0)
  } catch (error) {
    return fail((error as Error).message)
  }
}

function positive(name: 'records' | 'seed' | 'faults' | 'minutes' | 'rate' | 'queue', min = 1): number {
  const value = Number(values[name])
  const isRight = name === 'minutes' ? value > 0 : Number.isInteger(value) && value >= min
  return isRight ? value : fail(`--${name}: a number of at least ${min}, not ${values[name]}`)
}

function fail(message: string): never {
  console.error(`error: ${message}\n  hint: npm run torture -- --help`)
  process.exit(2)
}
