import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../schema/index.ts'
import { around, makeFolder } from './support/dataflow-folder.ts'

const Docs = suite('docs/windows.md')

const others = {
  'functions/parse.ts':
    'export interface Reading { room: string; celsius: number }\nexport default (reading: Reading) => reading\n',
  'functions/shop.ts':
    'export interface Order { order: string }\nexport interface Payment { order: string; amount: number }\n',
  'functions/orders.ts':
    "import type { Order } from './shop.ts'\nexport default (x: { order: string }): Order => x\n",
  'functions/payments.ts':
    "import type { Payment } from './shop.ts'\nexport default (x: { order: string }): Payment => ({ ...x, amount: 1 })\n",
  // What a helper gives is known on the edge behind it, and so is what is late.
  'functions/result.ts': 'export default (x: { room: string; celsius: number }) => x\n',
  'functions/settled.ts': 'export default (x: { order: string; paid: number }) => x\n',
  'functions/again.ts': 'export default (x: { messageId: string }) => x\n',
  'functions/wrong.ts': 'export default (x: { humidity: number }) => x\n',
}

const dataflow = (extra = '') =>
  around(`
sources: { in: { mqtt: a } }
functions:
  parse: { code: functions/parse.ts, from: in }
  orders: { code: functions/orders.ts, from: in }
  payments: { code: functions/payments.ts, from: in }
  per-minute: { code: functions/per-minute.ts, from: parse, key: room }
  smooth: { code: functions/smooth.ts, from: parse, key: room }
  result: { code: functions/result.ts, from: [per-minute, per-minute.late, smooth, smooth.late] }
  load: { code: functions/load.ts, from: in, key: server }
  visits: { code: functions/visits.ts, from: in, key: visitor }
  once: { code: functions/once.ts, from: in }
  again: { code: functions/again.ts, from: [once, once.late] }
  paid: { code: functions/paid.ts, from: [orders, payments], key: order }
  settled: { code: functions/settled.ts, from: paid }
${extra}`)

async function findingsOf(text: string) {
  const page = await readFile(new URL('../docs/windows.md', import.meta.url), 'utf8')
  const blocks = [...page.matchAll(/```ts\n\/\/ (functions\/\S+)\n([^`]*)```/g)]
  assert.is(blocks.length, 6)
  const examples = Object.fromEntries(blocks.map(([, path, code]) => [path, code!]))
  const { dir, remove } = await makeFolder({ 'dataflow.yaml': text, ...others, ...examples })
  const { findings } = await load(dir)
  await remove()
  return findings.map(({ message }) => message)
}

Docs('has examples whose types fit on every edge', async () => {
  assert.equal(await findingsOf(dataflow()), [])
})

Docs('has examples whose types are known where they do not fit', async () => {
  const said = await findingsOf(
    dataflow(`
  wrong: { code: functions/wrong.ts, from: visits }
  wrongly-late: { code: functions/wrong.ts, from: visits.late }
  unpaid: { code: functions/wrong.ts, from: paid.early }
`),
  )
  assert.is(said.length, 3, said.join('\n'))
  assert.match(said[0]!, 'gives { visitor: string; pages: number; from: number; until: number }')
  assert.match(said[1]!, 'gives { visitor: string }')
  assert.match(said[2]!, 'early')
})

Docs.run()
