import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Bench, type Figure, median } from './figure.ts'

const count = 1000

/** How long it takes to load and check 1,000 functions, in a process that has done nothing before. */
const validate: Bench = {
  name: 'validate',
  async run({ runs }) {
    const dir = await mkdtemp(join(tmpdir(), 'dyninka-bench-'))
    try {
      await write(dir)
      return [await figure(dir, false, runs, 0.5), await figure(dir, true, runs, 3)]
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  },
}

export default validate

async function figure(dir: string, types: boolean, runs: number, goal: number): Promise<Figure> {
  await once(dir, types)
  const seconds: number[] = []
  for (let run = 0; run < runs; run += 1) seconds.push(await once(dir, types))
  const name = `${count} functions, ${types ? 'with' : 'without'} types`
  return { name, value: Number(median(seconds).toFixed(3)), unit: 's', goal, better: 'lower' }
}

/** `load` from its import to its answer, with the cache of compiled code that the command line turns on. */
async function once(dir: string, types: boolean): Promise<number> {
  const script = `
    process.getBuiltinModule('module').enableCompileCache()
    const start = performance.now()
    const { load } = await import(${JSON.stringify(new URL('../schema/index.ts', import.meta.url).href)})
    const { flow } = await load(${JSON.stringify(dir)}, { types: ${types} })
    console.log(flow?.nodes.length, (performance.now() - start) / 1000)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  const [nodes, seconds] = stdout.split(' ').map(Number)
  if (nodes !== count + 2) throw new Error(`the dataflow of the bench did not load: ${stdout}`)
  return seconds!
}

/** Ten chains of keyed functions with state, as a large project would have them. */
async function write(dir: string) {
  await mkdir(join(dir, 'functions'))
  await writeFile(
    join(dir, 'functions/reading.ts'),
    'export interface Reading { room: string; celsius: number }\n',
  )
  const names = Array.from({ length: count }, (_, index) => `f${index}`)
  for (const [index, name] of names.entries()) {
    await writeFile(join(dir, `functions/${name}.ts`), source(name, index))
  }
  const functions = names.map((name, index) => {
    const from = index < 10 ? 'input' : `f${index - 10}`
    return `  ${name}:
    code: functions/${name}.ts
    from: ${from}
    key: room
    scale: { min: 1, max: 4 }
    retry: { attempts: 3, backoff: 100ms }
`
  })
  const text = `apiVersion: dyninka.dev/v1
name: large
sources:
  input: { mqtt: rooms/+ }
functions:
${functions.join('')}sinks:
  output: { from: ${names.at(-1)}, log: {} }
`
  await writeFile(join(dir, 'dataflow.yaml'), text)
}

const source = (name: string, index: number) => `import type { Context } from 'dyninka'
import type { Reading } from './reading.ts'

interface Total { sum: number; count: number }

export default function ${name}(reading: Reading, ctx: Context<{ state: Total }>): Reading | undefined {
  ctx.state ??= { sum: 0, count: 0 }
  ctx.state.sum += reading.celsius
  ctx.state.count += 1
  if (reading.celsius < ${index % 10}) return undefined
  return { room: reading.room, celsius: ctx.state.sum / ctx.state.count }
}
`
