import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { generate } from '../controller/cluster/generate.ts'

const Types = suite('types of the Dataflow resource')

Types('are those of the schema in the chart', async () => {
  for (const [file, text] of await generate())
    assert.is(await readFile(file, 'utf8'), text, `${file}: run node controller/cluster/generate.ts`)
})

Types.run()
