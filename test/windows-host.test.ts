import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { dataflow, type TestDataflow } from '../runtime/testing/index.ts'
import { around, makeFolder } from './support/dataflow-folder.ts'

const dyninka = JSON.stringify(new URL('../runtime/index.ts', import.meta.url).href)

const files = {
  'pass.ts': 'export default (x: unknown) => x\n',
  'smooth.ts': `import { movingAverage } from ${dyninka}
export default movingAverage({ last: 2, of: ({ celsius }: { celsius: number }) => celsius })
`,
  'dataflow.yaml': around(`
sources: { readings: { mqtt: a } }
functions:
  smooth: { code: smooth.ts, from: readings, key: room }
sinks:
  averages: { from: smooth, log: {} }
`),
}

interface Place {
  flow: TestDataflow
  close(): Promise<void>
}

const Host = suite<Place>('helpers in a dataflow')

Host.before.each(async place => {
  const { dir, remove } = await makeFolder(files)
  place.flow = await dataflow(dir)
  place.close = async () => {
    await place.flow.close()
    await remove()
  }
})
Host.after.each(place => place.close())

Host('average each key by itself', async ({ flow }) => {
  const readings = [2, 4, 10, 6].map((celsius, n) => ({ room: n % 2 ? 'attic' : 'loft', celsius }))
  const { averages } = await flow.run({ readings })
  assert.equal(averages, [2, 4, 6, 5])
  assert.equal(flow.dead, [])
})

Host.run()
