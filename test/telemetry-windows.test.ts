import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { mergeBins, quantilesOf } from '../controller/telemetry/latency-bins.ts'
import { type Moments, mergeMoments, momentsOf, varianceOf } from '../controller/telemetry/moments.ts'
import { mergeWindows, type Window } from '../controller/telemetry/window.ts'
import { WindowStore } from '../controller/telemetry/window-store.ts'
import { Latencies } from '../runtime/latencies.ts'
import { until } from './support/rig.ts'
import { windowOf } from './support/telemetry.ts'

const Windows = suite<{ dir: string }>('windows of telemetry')
const log = pino({ level: 'silent' })

Windows.before.each(async context => {
  context.dir = await mkdtemp(join(tmpdir(), 'dyninka-windows-'))
})
Windows.after.each(({ dir }) => rm(dir, { recursive: true, force: true }))

const near = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b))

Windows('keep mean and variance of all samples, however they are cut', () => {
  const samples = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 40 })
  fc.assert(
    fc.property(samples, fc.nat(), (values, at) => {
      const sum = (part: number[]) =>
        part.map(momentsOf).reduce<Moments | undefined>((a, b) => mergeMoments(a, b), undefined)
      const cut = at % values.length
      const merged = mergeMoments(sum(values.slice(0, cut)), sum(values.slice(cut)))!
      const mean = values.reduce((a, b) => a + b, 0) / values.length
      const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1)
      return (
        merged.count === values.length &&
        near(merged.mean, mean) &&
        Math.abs(varianceOf(merged)! - variance) <= 1e-6 * (variance + mean * mean + 1) &&
        merged.max === Math.max(...values)
      )
    }),
  )
  assert.is(varianceOf(momentsOf(3)), undefined)
})

Windows('give the quantiles of all latencies, within two percent, in whatever parts they came', () => {
  const latencies = fc.array(fc.integer({ min: 0, max: 86_400_000 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(latencies, fc.nat(), (values, at) => {
      const binsOf = (part: number[]) => {
        const bins = new Latencies()
        for (const ms of part) bins.add(ms, 1)
        return bins.bins()
      }
      const cut = at % values.length
      const merged = mergeBins(binsOf(values.slice(0, cut)), binsOf(values.slice(cut)))!
      assert.equal(mergeBins(binsOf(values.slice(cut)), binsOf(values.slice(0, cut))), merged)
      const sorted = values.toSorted((a, b) => a - b)
      return [0, 0.5, 0.9, 1].every(quantile => {
        const exact = sorted[Math.floor(quantile * (values.length - 1))]!
        const [found] = quantilesOf(merged, [quantile])!
        return Math.abs(found! - exact) <= 0.021 * exact
      })
    }),
  )
})

Windows('put together count each record once', () => {
  const [a, b, c] = [windowOf(0, 5), windowOf(10_000, 7), windowOf(20_000, 11)]
  const all = mergeWindows(mergeWindows(a, b), c)
  const other = mergeWindows(a, mergeWindows(b, c)).edges.f!.in!
  assert.ok(near(other.recordsPerSecond!.m2, all.edges.f!.in!.recordsPerSecond!.m2))
  assert.equal([other.records, all.edges.f!.in!.records], [23, 23])
  assert.equal([all.start, all.lengthMs], [0, 30_000])
  assert.equal(all.edges.f!.in!.latency, { zeros: 0, first: 10, counts: [23] })
  assert.is(all.edges.f!.in!.recordsPerSecond!.count, 3)
})

Windows('are kept as they are for half an hour, then longer ones, and each time is read once', ({ dir }) => {
  const store = WindowStore.open(join(dir, 'telemetry.sqlite'), log)
  const hours = 9
  const count = hours * 360
  store.append(
    Array.from({ length: count }, (_, n) => ['etl', windowOf(n * 10_000 + 3, 1)] as [string, Window]),
  )
  const windows = [...store.read('etl', 0)]
  let end = 0
  for (const { start, lengthMs } of windows) {
    assert.ok(start >= end, `${start} begins before ${end}`)
    end = start + lengthMs
  }
  assert.is(end, count * 10_000 + 3)
  const lengths = windows.map(({ lengthMs }) => lengthMs)
  assert.is(lengths.filter(ms => ms === 10_000).length, 180)
  const minutes = lengths.filter(ms => ms === 60_000).length
  assert.ok(Math.abs(minutes - (360 - 30)) <= 1, `${minutes} minutes`)
  assert.ok(lengths.filter(ms => ms === 600_000).length >= 6 * (hours - 6) - 1)
  const records = windows.reduce((sum, { edges }) => sum + edges.f!.in!.records, 0)
  assert.ok(records > count - 60 && records <= count, `${records} of ${count}`)
  const late = [...store.read('etl', end - 25_000)]
  assert.is(late.length, 3)
  assert.equal([...store.read('other', 0)], [])
  store.forget('etl')
  assert.equal([...store.read('etl', 0)], [])
  store.close()
})

Windows('take no more room than is given to them: the oldest go', async ({ dir }) => {
  const path = join(dir, 'telemetry.sqlite')
  const maxBytes = 200_000
  const store = WindowStore.open(path, log, maxBytes)
  const noise = () => Object.fromEntries(Array.from({ length: 60 }, () => [String(Math.random()), 1]))
  for (let n = 0; n < 200; n += 20) {
    const starts = Array.from({ length: 20 }, (_, i) => (n + i) * 10_000)
    store.append(
      starts.flatMap(start =>
        ['a', 'b'].map(flow => [flow, { ...windowOf(start, 1), refused: noise() }] as [string, Window]),
      ),
    )
  }
  for (const flow of ['a', 'b']) {
    const windows = [...store.read(flow, 0)]
    assert.ok(windows.length > 10 && windows.length < 180, `${windows.length} of 180`)
    assert.is(windows.at(-1)!.start, 199 * 10_000, 'the newest is there')
  }
  store.close()
  assert.ok((await stat(path)).size < 2 * maxBytes, `${(await stat(path)).size}`)
})

Windows('are all or nothing when the process is killed while it writes', async ({ dir }) => {
  const path = join(dir, 'telemetry.sqlite')
  const program = `
    const { WindowStore } = await import(${JSON.stringify(here('../controller/telemetry/window-store.ts'))})
    const { windowOf } = await import(${JSON.stringify(here('./support/telemetry.ts'))})
    const log = { warn(...all) { console.log('warned', JSON.stringify(all)) } }
    const store = WindowStore.open(${JSON.stringify(path)}, log)
    const first = [...store.read('a', 0)].length
    for (let n = first; ; n++) {
      store.append([['a', windowOf(n * 10_000, 1)], ['b', windowOf(n * 10_000, 1)]])
      console.log(String(n))
    }`
  let before = -1
  for (let life = 0; life < 4; life++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines: string[] = []
    const reading = createInterface(child.stdout!).on('line', line => lines.push(line))
    await until(
      () => lines.length >= 12 + life * 3 || child.exitCode !== null,
      'windows to be written',
      60_000,
    )
    child.kill('SIGKILL')
    await once(reading, 'close')
    assert.ok(
      lines.every(line => /^\d+$/.test(line)),
      lines.join(),
    )
    const said = Number(lines.at(-1))
    const store = WindowStore.open(path, log)
    const [a, b] = [[...store.read('a', 0)], [...store.read('b', 0)]]
    store.close()
    assert.ok(a.length >= said + 1, `${a.length} windows, and ${said} was told`)
    assert.is(b.length, a.length)
    assert.ok(said > before)
    before = said
  }
  assert.not((await readdir(dir)).some(name => name.includes('unreadable')))
})

Windows('that cannot be read are put aside, and the next are kept', async ({ dir }) => {
  const path = join(dir, 'telemetry.sqlite')
  await writeFile(path, `SQLite format 3\0${'rubbish'.repeat(2_000)}`)
  const store = WindowStore.open(path, log)
  store.append([['etl', windowOf(0, 1)]])
  store.close()
  assert.ok(existsSync(`${path}.unreadable`))
  const again = WindowStore.open(path, log)
  assert.is([...again.read('etl', 0)].length, 1)
  again.close()
  const nowhere = WindowStore.open(join(dir, 'missing/telemetry.sqlite'), log)
  nowhere.append([['etl', windowOf(0, 1)]])
  assert.is([...nowhere.read('etl', 0)].length, 1, 'in memory')
  nowhere.close()
})

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

Windows.run()
