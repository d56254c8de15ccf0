import { stripVTControlCharacters } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Dataflow, FunctionStatus } from '../cli/api/status.ts'
import { Narration } from '../cli/narration.ts'
import { statusText } from '../cli/status/text.ts'

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
const textOf = (functions: FunctionStatus[]) => {
  const conditions: Dataflow['conditions'] = [
    { type: 'Ready', status: 'True', reason: '', message: '', at: startedAt },
  ]
  const flow = { name: 'f', folder: '', revision: 'main@sha1:abc', findings: [], conditions, functions }
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
