import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { build } from '../builder/index.ts'
import * as dyninka from '../runtime/index.ts'
import { makeRepository } from './support/repository.ts'

const helpers: Record<string, string> = {
  tumbling: "tumbling({ size: '1m', start: () => 0, add: n => n + 1, result: n => n })",
  sliding: "sliding({ size: '5m', every: '1m', start: () => 0, add: n => n + 1, result: n => n })",
  session: "session({ gap: '1m', start: () => 0, add: n => n + 1, merge: (a, b) => a + b, result: n => n })",
  movingAverage: 'movingAverage({ last: 3, of: ({ n }) => n })',
  deduplicate: "deduplicate({ by: ({ id }) => id, within: '1m' })",
  join: "join({ left: 'a', right: 'b', within: '1m', match: (l, r) => [l, r] })",
}

/** A function that only these declare, as esbuild leaves it in a bundle. */
const own = {
  aligned: ['tumbling', 'sliding'],
  sliding: ['sliding'],
  sessions: ['session'],
  windowed: ['tumbling', 'sliding', 'session'],
  averaging: ['movingAverage'],
  deduplicating: ['deduplicate'],
  joining: ['join'],
}

const maxBytes = 8_000

const Bundles = suite('bundles of windows')

Bundles('hold the one helper that a function imports, and nothing of the others', async () => {
  const repository = await makeRepository()
  try {
    await Promise.all(
      Object.entries({ ...helpers, none: 'record => record' }).map(([name, code]) => {
        const imported = name === 'none' ? "import 'dyninka'" : `import { ${name} } from 'dyninka'`
        return writeFile(join(repository.work, `${name}.ts`), `${imported}\nexport default ${code}\n`)
      }),
    )
    const store = join(repository.root, 'store')
    const names = [...Object.keys(helpers), 'none']
    const results = await build({
      root: repository.work,
      dir: repository.work,
      store,
      functions: names.map(name => ({ name, code: `${name}.ts` })),
    })
    for (const [index, name] of names.entries()) {
      const result = results[index]!
      if (!('artifact' in result)) throw new Error(JSON.stringify(result))
      const script = await readFile(join(result.artifact.path, 'function.mjs'), 'utf8')
      const found = Object.keys(own).filter(part => script.includes(`function ${part}(`))
      const expected = Object.entries(own).filter(([, users]) => users.includes(name))
      assert.equal(
        found,
        expected.map(([part]) => part),
        name,
      )
      assert.ok(script.length < maxBytes, `${name} has ${script.length} bytes`)
      if (name === 'none') assert.not.match(script, 'NonRetryableError')
    }
  } finally {
    await repository.remove()
  }
})

Bundles('are tested for every helper that there is', () => {
  const exported = Object.keys(dyninka).filter(name => name !== 'NonRetryableError')
  assert.equal(exported.sort(), Object.keys(helpers).sort())
})

Bundles.run()
