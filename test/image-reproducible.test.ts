import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type TarEntry, tar, tarOf, withFolders } from '../builder/image/tar.ts'

const run = promisify(execFile)
const Same = suite<{ folder: string }>('image: the same everywhere')

Same.before.each(async context => {
  context.folder = await mkdtemp(join(tmpdir(), 'dyninka-same-'))
})
Same.after.each(({ folder }) => rm(folder, { recursive: true, force: true }))

const index = (path: string) => pathToFileURL(new URL(`../builder/${path}`, import.meta.url).pathname).href

/** Makes the image of a function in a process of its own, and says the digests of all that it would push. */
const program = (folder: string) => `
  import { build, hostBundle } from '${index('index.ts')}'
  import { functionImage, writeLayout, blobsOf, tagOf } from '${index('image/index.ts')}'
  import { documentsOf } from '${index('image/documents.ts')}'
  const [store, root] = ['${folder}/store', '${folder}/source']
  const [built] = await build({ root, dir: root, store, functions: [{ name: 'a', code: 'functions/a.ts' }] })
  const layer = { descriptor: { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: 'sha256:${'b'.repeat(64)}', size: 1 },
    diffId: 'sha256:${'b'.repeat(64)}', createdBy: 'a test' }
  const images = ['amd64', 'arm64'].map(architecture => ({ platform: { os: 'linux', architecture },
    digest: 'sha256:${'c'.repeat(64)}', config: {}, layers: [layer] }))
  const base = { name: 'registry.example.org/base:1', digest: 'sha256:${'d'.repeat(64)}', isIndex: true, images }
  const source = { url: 'https://git.example.org/flows.git', revision: '${'7'.repeat(40)}' }
  const parts = { artifact: built.artifact, runtime: await hostBundle(store), base, source }
  const image = await functionImage(parts)
  const documents = await documentsOf(parts, image, 'registry.example.org/flows')
  const blobs = [...image.blobs, ...documents.flatMap(({ documents }) => documents)]
  await writeLayout('${folder}/layout', { root: image.root, blobs, name: 'registry.example.org/flows:1' })
  console.log(JSON.stringify([tagOf(parts), image.root.descriptor.digest, blobs.map(blob => blob.descriptor.digest)]))`

async function digests(folder: string, umask: string, env: Record<string, string>, now: number) {
  await mkdir(join(folder, 'source', 'functions'), { recursive: true })
  await writeFile(join(folder, 'source/functions/a.ts'), 'export default (n: number) => n + 1\n')
  const main = join(folder, 'main.mjs')
  await writeFile(main, program(folder))
  const clock = `data:text/javascript,const R=Date,t=${now};globalThis.Date=class extends R{constructor(...a){super(...(a.length?a:[t]))}static now(){return t}}`
  const command = `umask ${umask} && exec "$0" --import "$1" "$2"`
  const args = ['-c', command, process.execPath, clock, main]
  return JSON.parse((await run('sh', args, { env: { PATH: process.env.PATH!, ...env } })).stdout)
}

Same('an image: in another folder, with another umask, time zone, language and clock', async ({ folder }) => {
  const [here, there] = [join(folder, 'here'), join(folder, 'far/away/from it')]
  const one = await digests(here, '022', { TZ: 'UTC', LANG: 'C' }, Date.UTC(2026, 0, 1))
  const two = await digests(there, '077', { TZ: 'Asia/Tokyo', LANG: 'tr_TR.UTF-8' }, Date.UTC(2039, 6, 1))
  assert.equal(two, one)
  assert.is(one[2].length, 7)
  const files = async (layout: string) => (await readdir(layout, { recursive: true })).sort()
  assert.equal(await files(join(here, 'layout')), await files(join(there, 'layout')))
  assert.is(
    await readFile(join(here, 'layout/index.json'), 'utf8'),
    await readFile(join(there, 'layout/index.json'), 'utf8'),
  )
})

// A changed digest replaces every pod: only a change of the format may change it, and then `format` in function-image.ts.
Same('a layer: what was pinned when this was written', async () => {
  const { smallLayer } = await import('../builder/image/layer.ts')
  const content = Buffer.from('export default () => 1\n'.repeat(50))
  const { descriptor, diffId } = smallLayer([{ path: 'dyninka/function/function.mjs', content }], 'a test')
  assert.equal(
    [descriptor.digest, descriptor.size, diffId],
    [
      'sha256:a7c0a65dd2ddaa7d989bf38e2ba1f04217c2fa9422e312c758fb168bb81a3da3',
      175,
      'sha256:ff37caed7726985ea9a08bb0e912f1e81a39975b6fb7c5bca1ed42edf89707a9',
    ],
  )
})

const names: TarEntry[] = [
  { path: 'short', content: Buffer.from('short') },
  { path: `${'long/'.repeat(40)}name`, content: Buffer.from('long') },
  { path: `${'x'.repeat(99)}`, content: Buffer.from('99') },
  { path: `${'x'.repeat(100)}`, content: Buffer.from('100') },
  { path: 'größe/日本', content: Buffer.from('other letters') },
  { path: 'link', content: { link: `${'to/'.repeat(50)}it` } },
  { path: 'empty', content: Buffer.alloc(0), mode: 0o755 },
  { path: 'block', content: Buffer.alloc(512, 'b') },
]

Same('an archive is what GNU tar takes it for, whatever the names', async ({ folder }) => {
  const file = join(folder, 'names.tar')
  const chunks: Uint8Array[] = []
  for await (const chunk of tar(withFolders(names))) chunks.push(chunk)
  await writeFile(file, Buffer.concat(chunks))
  const to = join(folder, 'to')
  await mkdir(to)
  await run('tar', ['xf', file, '-C', to, '--warning=all'])
  for (const { path, content } of names) {
    if (content instanceof Uint8Array) assert.equal(await readFile(join(to, path)), Buffer.from(content))
  }
  const { stdout } = await run('tar', ['tvf', file, '--numeric-owner', '--quoting-style=literal'], {
    env: { ...process.env, TZ: 'UTC' },
  })
  for (const line of stdout.trim().split('\n')) assert.match(line, / 0\/0 .* 1970-01-01 00:00 /)
  assert.match(stdout, /^-rwxr-xr-x .* empty$/m)
  assert.match(stdout, `link -> ${'to/'.repeat(50)}it`)
})

Same('an archive in memory and one from a stream are the same', async () => {
  const entries = withFolders(
    names.filter((entry): entry is TarEntry & { content: Uint8Array } => entry.content instanceof Uint8Array),
  )
  const chunks: Uint8Array[] = []
  for await (const chunk of tar(entries)) chunks.push(chunk)
  assert.is(Buffer.concat(chunks).equals(tarOf(entries)), true)
})

Same.run()
