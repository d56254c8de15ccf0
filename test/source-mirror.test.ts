import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type GitSourceOptions, gitSource, type Source } from '../controller/source/index.ts'
import type { Problem } from '../schema/problem.ts'
import { type GitServer, startGitServer } from './support/git-server.ts'
import { git, makeRepository, type Repository } from './support/repository.ts'

interface Place {
  repository: Repository
  server: GitServer
  /** Of a repository that has to be fetched. */
  url: string
  mirror: string
  open(options?: Partial<GitSourceOptions>): Source & { read(file: string): Promise<string> }
  push(files: Parameters<Repository['write']>[0]): Promise<void>
}

/** What is fetched is kept in a mirror; whatever happens to it, the next fetch is right. */
const Mirror = suite<Place>('source: mirror')
const sources: Source[] = []

Mirror.before.each(async place => {
  place.repository = await makeRepository()
  place.server = await startGitServer(place.repository.root)
  place.url = `${place.server.url}/repository.git`
  const cacheDir = join(place.repository.root, 'cache')
  place.mirror = join(cacheDir, 'mirror')
  place.open = options => {
    const source = gitSource({ url: place.url, cacheDir, ...options })
    sources.push(source)
    const read = async (file: string) =>
      readFile(join((await source.fetch(new AbortController().signal)).tree, file), 'utf8')
    return Object.assign(source, { read })
  }
  place.push = async files => {
    await place.repository.write(files)
    await place.repository.commit()
    await place.repository.git('push', '--quiet', '--force', 'origin', 'HEAD')
  }
})
Mirror.after.each(async ({ repository, server }) => {
  for (const source of sources.splice(0)) await source.close()
  await server.stop()
  await repository.remove()
})

const tear = (file: string, content: string) => (mirror: string) => writeFile(join(mirror, file), content)

async function tearObjects(mirror: string): Promise<void> {
  const objects = join(mirror, 'objects')
  for (const entry of await readdir(objects, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    await rm(file)
    await writeFile(file, 'torn')
  }
}

for (const [what, damage] of [
  ['truncated objects', tearObjects],
  ['missing objects', (mirror: string) => rm(join(mirror, 'objects'), { recursive: true })],
  ['a torn ref', tear('refs/heads/main', 'f00')],
  ['a torn config', tear('config', '[core')],
  ['a torn shallow file', tear('shallow', 'f00')],
  ['no HEAD', (mirror: string) => rm(join(mirror, 'HEAD'))],
  ['a lock that a dead process left', tear('shallow.lock', '')],
] as const) {
  Mirror(`makes it anew when it finds ${what}`, async ({ open, push, mirror }) => {
    await push({ 'a.txt': 'one', 'b.txt': 'same' })
    const source = open()
    await source.read('a.txt')
    await damage(mirror)
    await push({ 'a.txt': 'two' })
    assert.is(await source.read('a.txt'), 'two')
    // A new process on the old folder, with nothing new to fetch.
    await damage(mirror)
    await source.close()
    assert.is(await open().read('b.txt'), 'same')
  })
}

Mirror('reads a repository on this machine where it is, or fetches if that fails', async place => {
  const { open, push, mirror, repository } = place
  await push({ 'a.txt': 'one' })
  const source = open({ url: repository.bare })
  assert.is(await source.read('a.txt'), 'one')
  assert.equal(await readdir(join(mirror, 'objects')), ['info'])
  await rm(join(mirror, 'objects'), { recursive: true })
  await push({ 'a.txt': 'two' })
  assert.is(await source.read('a.txt'), 'two')
  // Objects that are borrowed in turn by a relative path are more than Git follows.
  await git(repository.root, 'clone', '--quiet', '--bare', '--shared', repository.bare, 'borrower.git')
  await writeFile(
    join(repository.root, 'borrower.git/objects/info/alternates'),
    '../../repository.git/objects\n',
  )
  const borrower = open({
    url: join(repository.root, 'borrower.git'),
    cacheDir: join(repository.root, 'cache-2'),
  })
  assert.is(await borrower.read('a.txt'), 'two')
})

Mirror('takes a working copy, and a worktree of one', async ({ open, push, repository }) => {
  await push({ 'a.txt': 'one' })
  assert.is(await open({ url: repository.work }).read('a.txt'), 'one')
  await repository.git('worktree', 'add', '--quiet', '-b', 'other', join(repository.root, 'linked'))
  const cacheDir = join(repository.root, 'cache-2')
  assert.is(
    await open({ url: join(repository.root, 'linked'), branch: 'other', cacheDir }).read('a.txt'),
    'one',
  )
})

Mirror('fetches as much history as is asked for', async ({ open, push, mirror, url, repository }) => {
  for (const content of ['one', 'two', 'three']) await push({ 'a.txt': content })
  await open().read('a.txt')
  assert.is((await git(mirror, 'rev-list', '--count', 'main')).trim(), '1')
  const cacheDir = join(repository.root, 'cache-2')
  await open({ url, depth: 2, cacheDir }).read('a.txt')
  assert.is((await git(join(cacheDir, 'mirror'), 'rev-list', '--count', 'main')).trim(), '2')
})

Mirror('follows a force-push', async ({ open, push, repository }) => {
  await push({ 'a.txt': 'one' })
  await push({ 'a.txt': 'two' })
  const source = open()
  assert.is(await source.read('a.txt'), 'two')
  await repository.git('reset', '--quiet', '--hard', 'HEAD~1')
  await push({ 'a.txt': 'three' })
  assert.is(await source.read('a.txt'), 'three')
})

for (const [kind, allowFilter] of [
  ['sends it all the same', 'false'],
  ['keeps it back', 'true'],
]) {
  Mirror(
    `refuses a file that is too large, from a server that ${kind}`,
    async ({ open, push, repository, mirror }) => {
      await git(repository.bare, 'config', 'uploadpack.allowFilter', allowFilter!)
      const maxBlobBytes = 100_000
      await push({ 'films/large.bin': Buffer.alloc(maxBlobBytes + 1), 'fits.txt': 'x'.repeat(maxBlobBytes) })
      const source = open({ maxBlobBytes })
      const problem: Problem = await source.read('fits.txt').catch(error => error)
      assert.equal([problem.reason, problem.disposition], ['FileTooLarge', 'stalled'])
      assert.match(problem.message, 'films/large.bin')
      assert.not.match(problem.message, 'fits.txt')
      const missing = await git(mirror, 'rev-list', '--objects', '--missing=print', 'main')
      assert.is(/^\?/m.test(missing), allowFilter === 'true') // it did not even travel
      await push({ 'films/large.bin': null })
      assert.is((await source.read('fits.txt')).length, maxBlobBytes)
    },
  )
}

Mirror.run()
