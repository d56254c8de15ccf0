import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../schema/index.ts'
import { around, makeFolder, marked, places } from './support/dataflow-folder.ts'

interface Place {
  dir: string
  remove(): Promise<void>
  outside: string
}

const Code = suite<Place>('schema: code')
Code.before(async context => {
  const outside = await makeFolder({ 'secret.ts': 'export default () => 1' })
  const inside = await makeFolder({ 'shared/lib.ts': 'export const x = ) 1\n' })
  await symlink(join(outside.dir, 'secret.ts'), join(inside.dir, 'link.ts'))
  await symlink(outside.dir, join(inside.dir, 'linked'))
  await mkdir(join(inside.dir, 'folder.ts'))
  await writeFile(join(inside.dir, 'good.ts'), 'export default (x: number) => x')
  await symlink('good.ts', join(inside.dir, 'alias.ts'))
  const remove = () => Promise.all([inside.remove(), outside.remove()])
  Object.assign(context, { dir: inside.dir, outside: outside.dir, remove })
})
Code.after(({ remove }) => remove())

const check = async (dir: string, code: string) => {
  const { text, expected } = marked(around(`functions:\n  f: { code: ${code}, from: in }`))
  await writeFile(join(dir, 'dataflow.yaml'), text)
  const { findings } = await load(dir, { types: false })
  assert.equal(places(findings), expected)
  return findings
}

Code('finds a file that is not there', async ({ dir }) => {
  const [finding] = await check(dir, '«missing-code»functions/nope.ts')
  assert.is(finding!.message, 'There is no file functions/nope.ts.')
})

Code(
  'finds a path that leaves the folder: by dots, from the root, by a link, by a folder that is one',
  async place => {
    await check(place.dir, '«code-outside»../elsewhere.ts')
    await check(place.dir, `«code-outside»${place.outside}/secret.ts`)
    await check(place.dir, '«code-outside»link.ts')
    await check(place.dir, '«code-outside»linked/secret.ts')
  },
)

Code('follows a link that stays inside', async ({ dir }) => {
  await check(dir, 'alias.ts')
})

Code('finds a folder in place of a file', async ({ dir }) => {
  await check(dir, '«code-not-a-file»folder.ts')
})

Code(
  'finds syntax errors, each in its own file and place, and missing exports beside them',
  async ({ dir }) => {
    const files = {
      'a.ts': 'export default (x: number) => {\n  retrun x\n}\n',
      'b.ts': '// é\n/* é */ const = 1\nexport default 1\n',
      'c.ts': 'export const other = 1\n',
      'd.ts': "import { x } from './shared/lib.ts'\nexport default () => x\n",
      'e.ts': "import { x } from './shared/gone.ts'\nexport default () => x\n",
      'g.ts': "import x from 'not-installed'\nexport default () => x\n",
    }
    for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text)
    const functions = Object.keys(files).map(name => `  ${name[0]}: { code: ${name}, from: in }`)
    await writeFile(join(dir, 'dataflow.yaml'), around(`functions:\n${functions.join('\n')}`))
    const { findings } = await load(dir, { types: false })
    assert.equal(
      findings.map(({ file, line, column, code }) => `${file}:${line}:${column} ${code}`),
      [
        'a.ts:2:10 syntax-error',
        'b.ts:2:15 syntax-error',
        'c.ts:1:1 no-default-export',
        'e.ts:1:19 unresolved-import',
        'shared/lib.ts:1:18 syntax-error',
      ],
    )
  },
)

Code.run()
