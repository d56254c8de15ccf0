import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { advise } from '../controller/placement/advice.ts'
import { situationOf } from '../controller/placement/situation/situation.ts'
import { readTelemetry, type TelemetryFile, writeTelemetry } from '../controller/telemetry/file.ts'
import type { Window } from '../controller/telemetry/window.ts'
import { load } from '../schema/index.ts'
import type { Problem } from '../schema/problem.ts'
import { code, flow } from './support/climate-flow.ts'
import { busy, edge, fileOf } from './support/climate-telemetry.ts'
import { makeFolder } from './support/dataflow-folder.ts'

const Nodes = suite('advice where nodes come and go')

const climate = async () => {
  const folder = await makeFolder({ 'dataflow.yaml': flow('cloud'), 'functions/filter.ts': code })
  return (await load(folder.dir, { types: false }).finally(folder.remove)).flow!
}
const adviceOn = async (file: TelemetryFile) => {
  const checked = readTelemetry(writeTelemetry(file, false), 'a file')
  const situation = situationOf(checked, await climate())
  return advise(situation, { seconds: 2, now: () => performance.now() })
}
const moves = (all: { item: string; to: { node: string } }[]) =>
  all.map(({ item, to }) => `${item} ${to.node}`)

Nodes('waits while something runs on a node that is gone, or lost, and says so', async () => {
  const whole = fileOf(busy, { broker: edge })
  const [pi, server] = whole.header.nodes
  const lost = { ...pi!, conditions: [{ type: 'Ready', status: 'Unknown' as const }] }
  for (const [nodes, why] of [
    [[server!], 'there is no such node'],
    [[lost, server!], 'node edge-1 does not answer'],
  ] as const) {
    const problem = await adviceOn({ ...whole, header: { ...whole.header, nodes: [...nodes] } }).then(
      () => assert.unreachable(),
      (error: Problem) => error,
    )
    assert.equal(
      [problem!.reason, problem!.disposition, problem!.message],
      ['PlaceUnknown', 'waiting', `raw runs on edge-1: ${why}`],
    )
  }
  const hosts = whole.header.hosts.filter(({ function: name }) => name !== 'raw')
  const none = await adviceOn({ ...whole, header: { ...whole.header, hosts } }).catch(String)
  assert.match(String(none), 'nothing of raw runs')
})

Nodes('is none to a node that takes no more, and leaves there what runs there', async () => {
  const whole = fileOf(busy, { broker: edge })
  const [pi, server] = whole.header.nodes
  const next = { ...pi!, name: 'edge-2', conditions: [{ type: 'MemoryPressure', status: 'True' as const }] }
  const tight = { ...pi!, allocatable: { cpuMillis: 25, memoryBytes: 2 ** 31 } }
  const adviceWith = (nodes: typeof whole.header.nodes) =>
    adviceOn({ ...whole, header: { ...whole.header, nodes: [...nodes] } })
  const full = await adviceWith([tight, next, server!])
  assert.is(full.chosen, undefined)
  const free = await adviceWith([tight, { ...next, conditions: [] }, server!])
  assert.ok(moves(free.chosen!.moves).includes('filter edge-2'), 'as it would be otherwise')
  const own = await adviceWith([{ ...pi!, conditions: next.conditions }, server!])
  assert.ok(own.current.broken.length === 0)
})

Nodes('is none to a node that answers now and then', async () => {
  /** In every third window nothing is heard of what runs at the edge, nor from there. */
  const flapping = busy.map((window, n): Window => {
    if (n % 3 !== 0) return window
    const { 'edge-1': _, ...roundTripMs } = window.roundTripMs
    return { ...window, edges: {}, outside: {}, functions: { ...window.functions, raw: {} }, roundTripMs }
  })
  const { chosen, plans } = await adviceOn(fileOf(flapping, { broker: edge }))
  assert.is(chosen, undefined)
  const { decision } = plans.find(({ moves }) => moves.length > 0)!
  assert.ok(Number.isFinite(decision.benefit.mean))
  const lacking = decision.grounds.filter(({ holds }) => !holds).map(({ rule }) => rule)
  assert.ok(lacking.includes('holding'), `it would save, and not in each of the newest windows: ${lacking}`)
})

Nodes.run()
