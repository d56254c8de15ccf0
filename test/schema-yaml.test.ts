import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../schema/index.ts'
import { makeFolder, marked, places } from './support/dataflow-folder.ts'

const Yaml = suite<{ dir: string; remove(): Promise<void> }>('schema: YAML')
Yaml.before(async context => {
  Object.assign(context, await makeFolder({}))
})
Yaml.after(({ remove }) => remove())

const table: [title: string, text: string, says: RegExp][] = [
  ['an empty file', '«empty-file»', /has nothing in it.*dyninka init/s],
  ['comments only', '«empty-file»# later\n', /has nothing in it/],
  ['a list', '«wrong-type»- a\n- b\n', /must be a mapping, but it is a list/],
  ['plain text', '«wrong-type»hello\n', /must be a mapping, but it is the text `hello`/],
  [
    'an indent of a tab',
    'name: x\nsources:\n«yaml-tab»\ts: { every: 1s }\n',
    /A tab indents this line.*spaces/s,
  ],
  ['a tab after spaces', 'sources:\n  «yaml-tab»\ts: { every: 1s }\n', /A tab/],
  ['a key twice', 'name: x\n«yaml-duplicate-key»name: y\n', /`name` is there twice.*line 1/s],
  ['a key twice, deep', 'functions:\n  a:\n    from: x\n    «yaml-duplicate-key»from: y\n', /line 3/],
  ['a key three times', 'a: 1\n«yaml-duplicate-key»a: 2\n«yaml-duplicate-key»a: 3\n', /line 1/],
  ['an anchor', 'name: «yaml-anchor»&x y\n', /Anchors/],
  ['an anchor and an alias', 'a: «yaml-anchor»&x { b: 1 }\nc: «yaml-alias»*x\n', /Anchors/],
  ['a merge key', 'a: { «yaml-merge»<<: { b: 1 } }\n', /Merge keys/],
  ['a tag', 'name: «yaml-tag»!!str 12\n', /Tags/],
  ['a tag of its own', 'name: «yaml-tag»!secret x\n', /Tags/],
  ['a mapping as a key', '«yaml-key»{ a: 1 }: 2\n', /plain word/],
  ['an alias as a key', '«yaml-alias»*a : 2\n', /Aliases/],
  ['two documents', 'name: x\n«yaml-documents»---\nname: y\n', /more than one YAML document/],
  ['an empty second document', 'name: x\n«yaml-documents»---\n', /more than one YAML document/],
  ['an open quote', 'name: "x\n«yaml-syntax»', /Close the quote, \[ or \{/],
  ['an open bracket', 'from: [a\n«yaml-syntax»', /Close the quote, \[ or \{/],
  ['two colons', 'name: a«yaml-syntax»: b\n', /quotes.*"a: b"/],
  ['uneven indentation', 'a:\n  b: 1\n «yaml-syntax»c: 2\n', /indentation/],
  ['a null byte', 'name: «yaml-syntax»\0\n', /not text/],
  ['deep nesting', `a: ${'['.repeat(99)}«yaml-syntax»[${']'.repeat(100)}\n`, /nested/],
]

for (const [title, text, says] of table) {
  Yaml(`refuses ${title}`, async ({ dir }) => {
    const { text: plain, expected } = marked(text)
    await writeFile(join(dir, 'dataflow.yaml'), plain)
    const { flow, findings } = await load(dir)
    assert.is(flow, undefined)
    // What else is wrong with such a fragment is not of interest here.
    const found = findings.filter(finding => expected.some(place => place.endsWith(` ${finding.code}`)))
    assert.equal(places(found), expected)
    assert.match(`${found[0]!.message} ${found[0]!.hint}`, says)
  })
}

Yaml('refuses 10 MB without reading them', async ({ dir }) => {
  await writeFile(join(dir, 'dataflow.yaml'), 'a: [b]\n'.repeat(1_500_000))
  const { findings } = await load(dir)
  assert.equal(places(findings), ['1:1 too-large'])
  assert.match(findings[0]!.message, '10.0 MiB')
})

Yaml('refuses what is not UTF-8', async ({ dir }) => {
  await writeFile(join(dir, 'dataflow.yaml'), Buffer.from([0x6e, 0x3a, 0xff, 0xfe]))
  assert.equal(places((await load(dir)).findings), ['1:1 not-utf8'])
})

Yaml('refuses a folder in place of the file, and a link that leaves', async () => {
  const folder = await makeFolder({ 'dataflow.yaml/x': '' })
  assert.equal(places((await load(folder.dir)).findings), ['1:1 not-a-file'])
  const outside = await makeFolder({ 'secret.yaml': 'password: x\n' })
  await symlink(join(outside.dir, 'secret.yaml'), join(folder.dir, 'linked.yaml'))
  const { findings } = await load(folder.dir, { file: 'linked.yaml' })
  assert.equal(places(findings), ['1:1 outside'])
  assert.not.match(JSON.stringify(findings), 'password')
  await folder.remove()
  await outside.remove()
})

Yaml('counts columns as editors do: after a byte order mark, with CRLF, in UTF-16', async ({ dir }) => {
  await writeFile(join(dir, 'dataflow.yaml'), '\ufeffapiVersion: nope\r\nname: x\r\n"🌡": 1\r\n')
  const { findings } = await load(dir)
  assert.equal(places(findings).slice(0, 3), ['1:1 missing-key', '1:1 missing-key', '1:13 unknown-value'])
  assert.is(places(findings).at(-1), '3:1 unknown-key')
})

Yaml.run()
