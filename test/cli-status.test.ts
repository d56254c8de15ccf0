import { stripVTControlCharacters } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Dataflow, FunctionStatus } from '../cli/api/status.ts'
import { lastTold } from '../cli/cluster/last-told.ts'
import { Narration } from '../cli/narration.ts'
import { statusText } from '../cli/status/text.ts'
import type { DataflowResource } from '../controller/cluster/resource.ts'

const Text = suite('the text of dyninka status')

const startedAt = new Date().toISOString()
const functionOf = (change: Partial<FunctionStatus> & { hostCount?: number } = {}): FunctionStatus => {
  const { hostCount = 1, ...rest } = change
  return {
    ...{ name: 'parse', kind: 'function', artifact: `sha256:${'a'.repeat(64)}`, phase: 'Running' },
    hosts: Array.from({ length: hostCount }, (_, i) => ({
      ...{ id: `parse-1-${i}`, node: 'greenhouse-north', pid: 1234567 + i, startedAt, artifact: '' },
    })),
    ...{ recordsIn: 123456789, recordsOut: 123456789, lag: 12345, deadLetters: 0, retries: 0 },
    ...rest,
  }
}
const textOf = (functions: FunctionStatus[], more: Partial<Dataflow> = {}) => {
  const conditions: Dataflow['conditions'] = [
    { type: 'Ready', status: 'True', reason: '', message: '', at: startedAt },
  ]
  const flow = {
    name: 'f',
    folder: '',
    revision: 'main@sha1:abc',
    findings: [],
    conditions,
    functions,
    ...more,
  }
  return stripVTControlCharacters(statusText({ dataflows: [flow], source: { revision: 'main@sha1:abc' } }))
}

Text('fits 100 columns with several hosts, each on a line of its own', () => {
  const text = textOf([functionOf({ name: 'a-function-with-a-long-name', hostCount: 3 }), functionOf()])
  assert.ok(
    text.split('\n').every(line => line.length <= 100),
    text,
  )
  for (const pid of [1234567, 1234568, 1234569]) assert.match(text, String(pid))
})

Text('counts the rest of many hosts', () => {
  const text = textOf([functionOf({ hostCount: 20 })])
  assert.match(text, 'and 17 more')
  assert.is(text.split('\n').length, 2 + 1 + 4)
})

Text('shows dropped records only where there are any', () => {
  assert.not.match(textOf([functionOf()]), 'DROPPED')
  assert.match(textOf([functionOf({ kind: 'source', dropped: 42 }), functionOf()]), /DROPPED.*\n.* 42 /)
})

Text('suspects another controller where hosts are foreign', () => {
  assert.match(textOf([functionOf()], { telemetryRefused: { foreign: 28 } }), /28 foreign\.\n +Does another/)
  assert.not.match(textOf([functionOf()], { telemetryRefused: { outdated: 1 } }), 'another controller')
})

const resource: DataflowResource = {
  apiVersion: 'dyninka.dev/v1',
  kind: 'Dataflow',
  metadata: { name: 'etl', namespace: 'flows', creationTimestamp: startedAt },
  spec: { source: { url: 'https://git.example.org/etl.git' }, broker: { url: 'mqtt://broker' } },
}
const told = (change: Partial<DataflowResource>) =>
  stripVTControlCharacters(
    statusText({ dataflows: [lastTold({ ...resource, ...change })], source: { revision: null } }),
  )
const condition = (type: string, status: 'True' | 'False', reason: string, message: string) => ({
  ...{ type, status, reason, message, lastTransitionTime: startedAt },
})

Text('of what a Dataflow itself says leaves out what only a controller knows', () => {
  const status = {
    dataflow: 'weather',
    revision: 'main@sha1:0123456789abcdef',
    conditions: [condition('Ready', 'True', 'Running', 'all run')],
    functions: [
      { name: 'parse', kind: 'function' as const, phase: 'Running' as const, hosts: 3 },
      { name: 'rest', kind: 'function' as const, phase: 'Idle' as const, hosts: 0 },
    ],
  }
  const text = told({ status })
  assert.match(text, /^✓ etl \(weather\) {2}Ready for .* runs main@sha1:0123456$/m)
  assert.match(text, /NAME +KIND +PHASE +HOST +CODE\n/)
  assert.match(text, /parse +function +Running +3 hosts/)
  assert.match(text, /rest +function +Idle +-/)
  assert.match(
    told({ status, spec: { ...resource.spec, suspend: true } }),
    /Ready for \d+ s {2}suspended {2}runs/,
  )
})

Text('of a Dataflow says why nothing runs', () => {
  assert.match(told({}), 'no controller has taken it up yet')
  const conditions = [
    condition('Ready', 'False', 'AuthenticationFailed', 'the repository wants a password.'),
    condition('Stalled', 'True', 'AuthenticationFailed', 'the repository wants a password.'),
  ]
  const text = told({ status: { conditions } })
  assert.match(text, /✗ etl {2}Stalled \(AuthenticationFailed\) {2}nothing runs yet/)
  assert.is(text.split('the repository wants a password.').length, 2)
})

Text('of pods names nodes, and what to type in their namespace', () => {
  const pod = { id: 'etl-parse-1', node: 'node-1', pid: null, startedAt, artifact: '' }
  const { hosts: _, ...parse } = functionOf({ unreadDeadLetters: 1 })
  const flow = lastTold(resource)
  const functions = [{ ...parse, hosts: [pod, { ...pod, node: '', startedAt: null }] }]
  const text = stripVTControlCharacters(
    statusText({ dataflows: [{ ...flow, functions }], source: { revision: null } }),
  )
  assert.match(text, /node-1 \d s/)
  assert.match(text, 'no node yet')
  assert.match(text, 'dyninka dead list parse -n flows')
})

Text('names few functions that were built, and counts many', () => {
  const ready = (count: number) => {
    const narration = new Narration()
    for (let i = 0; i < count; i++)
      narration.tell({ type: 'built', flow: 'f', function: `f${i}`, ms: 1, reused: false })
    return narration.tell({ type: 'ready', flow: 'f', revision: '', ms: 100 })!
  }
  assert.match(ready(3), 'built f0, f1, f2')
  assert.match(ready(50), 'built 50 functions')
})

Text.run()
