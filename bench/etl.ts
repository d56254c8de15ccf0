import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, hostBundle } from '../builder/index.ts'
import { load as loadFlow } from '../schema/index.ts'
import { type Bench, median } from './figure.ts'
import { Load, type Throughput, throughput } from './support/load.ts'
import { mosquitto } from './support/mosquitto.ts'
import { RunningFlow } from './support/running-flow.ts'
import { Services } from './support/services.ts'

const etl = fileURLToPath(new URL('../flows/etl', import.meta.url))
const services = ['annotate', 'join', 'interpolate', 'known-devices', 'range-filter', 'parse', 'to-senml']
/** Observations under way: as many as each can have without losing some. The services fill the broker's queues
 *  beyond that, with four readings for each; a dataflow holds its source back. */
const windows = { services: 100, flow: 600 }
/** Before that, both spend most of their time on compiling what they run. */
const warm = { warmMs: 12_000, ms: 6_000 }

/** flows/etl from message to message, beside the same functions in services by hand on mqtt.js. */
export default {
  name: 'etl',
  async run({ runs }) {
    const folder = await mkdtemp(join(tmpdir(), 'dyninka-bench-'))
    const ours: Throughput[] = []
    const theirs: Throughput[] = []
    try {
      for (let run = 0; run < runs; run++) {
        theirs.push(await measureServices())
        ours.push(await measureFlow(folder))
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
    const perCore = (one: Throughput) => {
      const micros = Object.values(one.cpuMicros).reduce((sum, each) => sum + each, 0)
      return 1e6 / micros
    }
    const ratio = (of: (one: Throughput) => number) =>
      median(ours.map((one, run) => of(one) / of(theirs[run]!)))
    const peer = 'services on mqtt.js'
    const lines = linesOf()
    return [
      {
        name: `${peer}: observations`,
        value: median(theirs.map(perCore)),
        unit: '1/s/core',
        better: 'higher',
      },
      { name: 'dyninka: observations', value: median(ours.map(perCore)), unit: '1/s/core', better: 'higher' },
      {
        name: 'dyninka against services, per core',
        value: ratio(perCore),
        unit: '×',
        goal: 5,
        better: 'higher',
        peer,
        ratio: ratio(perCore),
      },
      {
        name: 'dyninka: throughput on this machine',
        value: median(ours.map(({ perSecond }) => perSecond)),
        unit: '1/s',
        better: 'higher',
        peer,
        ratio: ratio(({ perSecond }) => perSecond),
      },
      { name: 'functions, the same for both', value: lines.functions, unit: 'lines', better: 'lower' },
      { name: `${peer}: beside the functions`, value: lines.services, unit: 'lines', better: 'lower' },
      {
        name: 'dyninka: beside the functions, dataflow.yaml',
        value: lines.yaml,
        unit: 'lines',
        better: 'lower',
        peer,
        ratio: lines.yaml / lines.services,
      },
      {
        name: 'dyninka against services, all lines',
        value: (lines.functions + lines.yaml) / (lines.functions + lines.services),
        unit: '×',
        goal: 0.33,
        better: 'lower',
        peer,
        ratio: (lines.functions + lines.yaml) / (lines.functions + lines.services),
      },
    ]
  },
} satisfies Bench

async function measureServices(): Promise<Throughput> {
  const broker = await mosquitto(false)
  const running = new Services({ MQTT_URL: broker.url })
  try {
    for (const name of services) await running.start(`etl/${name}`)
    return await measure(
      broker,
      running.processes.map(({ pid }) => pid!),
      windows.services,
    )
  } finally {
    await running.stop()
    await broker.close()
  }
}

async function measureFlow(folder: string): Promise<Throughput> {
  const { flow, findings } = await loadFlow(etl, { types: false })
  if (!flow) throw new Error(`flows/etl has findings: ${JSON.stringify(findings)}`)
  const functions = flow.nodes.flatMap(node =>
    node.kind === 'function' ? [{ name: node.name, code: node.code }] : [],
  )
  const results = await build({ root: etl, dir: etl, functions, store: folder })
  const code: Record<string, string> = {}
  for (const result of results) {
    if (!('artifact' in result)) throw new Error(`${result.function} cannot be built`)
    code[result.function] = result.artifact.path
  }
  // Without the sink that logs each observation: the services have none.
  const nodes = flow.nodes.filter(({ name }) => name !== 'console')
  const broker = await mosquitto(false)
  const program = join((await hostBundle(folder)).path, 'host.mjs')
  const running = await RunningFlow.start({ ...flow, nodes }, { broker: broker.url, program, code })
  try {
    return await measure(
      broker,
      running.processes.map(({ child }) => child.pid!),
      windows.flow,
    )
  } finally {
    await running.stop()
    await broker.close()
  }
}

async function measure(
  broker: { url: string; pid: number },
  pids: number[],
  window: number,
): Promise<Throughput> {
  const messages = [...messagesOf('seattle', 'gateways/1/senml'), ...messagesOf('new-york', 'stations/1/csv')]
  let n = 0
  const load = new Load({
    broker: broker.url,
    outOf: 'weather/observations',
    next: () => messages[n++ % messages.length]!,
    count: () => 1,
    window,
  })
  await load.start()
  const processes = Object.fromEntries([broker.pid, ...pids].map((pid, i) => [String(i), pid]))
  const result = await throughput(load, processes, warm)
  if (process.env.DYNINKA_BENCH_LOG) console.error(JSON.stringify(result))
  await load.stop()
  if (load.arrived < load.sent) throw new Error(`${load.arrived} of ${load.sent} observations arrived`)
  return result
}

/** Messages of one station in order; those of a device that nobody knows give no observation. */
function messagesOf(name: string, topic: string) {
  const lines = readFileSync(join(etl, `data/${name}.ndjson`), 'utf8')
    .trim()
    .split('\n')
  return lines.map(payload => ({ topic, payload, records: payload.includes('test-bench') ? 0 : 1 }))
}

function linesOf() {
  const count = (pattern: string, comment: RegExp) => {
    let lines = 0
    for (const file of globSync(pattern, { cwd: fileURLToPath(new URL('..', import.meta.url)) })) {
      const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
      lines += text.split('\n').filter(line => line.trim() !== '' && !comment.test(line)).length
    }
    return lines
  }
  const code = /^\s*(\/\/|\/?\*)/
  return {
    functions: count('flows/etl/functions/*.ts', code) + count('flows/etl/lib/*.ts', code),
    services: count('bench/peers/etl/*.ts', code),
    yaml: count('flows/etl/dataflow.yaml', /^\s*#/),
  }
}
