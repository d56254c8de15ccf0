import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { dataflow } from '../runtime/testing/index.ts'
import { load } from '../schema/index.ts'
import { makeFolder } from './support/dataflow-folder.ts'

const text = await readFile(new URL('../README.md', import.meta.url), 'utf8')
const block = (language: string, title: string) =>
  new RegExp(`\`\`\`${language}\n(?:#|//) ${title}\n(.*?)\`\`\``, 's').exec(text)![1]!

const Readme = suite('README')

Readme(
  'begins with a sentence, the smallest dataflow, a push, the two commands, concepts, guarantees, limits',
  () => {
    const places = [
      '# Dyninka\n\nDyninka turns',
      '```yaml\n# dataflow.yaml',
      '`git push`: `hot` alone is built and replaced',
      'npm ci && npm start',
      'npm ci && npm test',
      '## Concepts',
      '## Guarantees',
      '## Limits',
    ].map(part => text.indexOf(part))
    assert.ok(!places.includes(-1), places.join(' '))
    assert.equal(
      places,
      places.toSorted((a, b) => a - b),
    )
  },
)

Readme(
  'has a smallest dataflow that is right when it is copied, types included, and does what it says',
  async () => {
    const { dir, remove } = await makeFolder({
      'dataflow.yaml': block('yaml', 'dataflow.yaml'),
      'functions/hot.ts': block('ts', 'functions/hot.ts'),
    })
    assert.equal((await load(dir)).findings, [])
    const flow = await dataflow(dir)
    const { console: warnings } = await flow.run({ thermometers: [{ celsius: 31 }, { celsius: 30 }] })
    assert.equal(
      warnings!.map(value => (value as { celsius: number }).celsius),
      [31],
    )
    await flow.close()
    await remove()
  },
)

Readme.run()
