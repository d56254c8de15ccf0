import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Passing } from '../cli/dev/passing.ts'

const Passes = suite('what passes')

/** Nobody listens there. */
const gone = 'http://127.0.0.1:1'

async function printed(signal: AbortSignal): Promise<string[]> {
  const lines: string[] = []
  const passing = new Passing({ records: true, signal, print: text => void lines.push(text) })
  passing.follow(gone)
  await passing.add('counting')
  return lines
}

Passes('says what it can not be told', async () => {
  assert.match((await printed(new AbortController().signal)).join(), 'no records of counting: ')
})

Passes('is no reason to end badly while all ends', async () => {
  assert.equal(
    (await printed(AbortSignal.abort())).filter(line => line.includes('no records')),
    [],
  )
})

Passes.run()
