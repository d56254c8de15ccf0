import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type GitSourceOptions, gitSource, type Revision, type Source } from '../controller/source/index.ts'
import { Problem } from '../schema/problem.ts'
import { git, makeRepository, type Repository } from './support/repository.ts'

interface Place {
  repository: Repository
  cacheDir: string
  /** Closed after the test. */
  open(options?: Partial<GitSourceOptions>): Source & { next(): Promise<Revision> }
  push(files: Parameters<Repository['write']>[0], message?: string): Promise<string>
}

const Git = suite<Place>('source: git')
const sources: Source[] = []

Git.before.each(async place => {
  place.repository = await makeRepository()
  place.cacheDir = join(place.repository.root, 'cache')
  place.open = options => {
    const source = gitSource({ url: place.repository.bare, cacheDir: place.cacheDir, ...options })
    sources.push(source)
    return Object.assign(source, { next: () => source.fetch(new AbortController().signal) })
  }
  place.push = async (files, message) => {
    await place.repository.write(files)
    const commit = await place.repository.commit(message)
    await place.repository.push()
    return commit
  }
})
Git.after.each(async place => {
  for (const source of sources.splice(0)) await source.close()
  await place.repository.remove()
})

const text = ({ tree }: Revision, file = 'a.txt') => readFile(join(tree, file), 'utf8')

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const outcome: unknown = await promise.catch(error => error)
  if (outcome instanceof Problem) return outcome
  throw outcome instanceof Error ? outcome : new Error(`no problem, but ${JSON.stringify(outcome)}`)
}

Git('gives the files of the newest commit, and what it says of itself', async ({ open, push }) => {
  const commit = await push({ 'a.txt': 'one\r\n', 'deep/er/b.txt': 'ö' }, 'Add a\n\nAnd why.')
  const revision = await open().next()
  const { message, author, branch, id } = revision
  assert.equal(
    { message, author, branch, id },
    { message: 'Add a', author: 'Ada', branch: 'main', id: `main@sha1:${commit}` },
  )
  assert.ok(Math.abs(Date.parse(revision.at) - Date.now()) < 60_000)
  assert.is(await text(revision), 'one\r\n')
  assert.is(await text(revision, 'deep/er/b.txt'), 'ö')
  assert.equal((await readdir(revision.tree)).toSorted(), ['a.txt', 'deep'])
})

Git('gives the same revision while there is no newer one', async ({ open, push }) => {
  await push({ 'a.txt': 'one' })
  const source = open()
  assert.is(await source.next(), await source.next())
})

Git('keeps a tree as it was until two newer ones are there', async ({ open, push, cacheDir }) => {
  const source = open()
  await push({ 'a.txt': 'one' })
  const one = await source.next()
  await push({ 'a.txt': 'two' })
  const two = await source.next()
  assert.equal([await text(one), await text(two)], ['one', 'two'])
  await push({ 'a.txt': 'three' })
  const three = await source.next()
  await source.close() // ends the tidying up
  assert.equal([await text(two), await text(three)], ['two', 'three'])
  assert.is((await readdir(join(cacheDir, 'trees'))).length, 2)
})

Git('follows a branch, and a force-push of it', async ({ open, push, repository }) => {
  await push({ 'a.txt': 'main' })
  await repository.git('checkout', '--quiet', '-b', 'feature/x')
  const first = await push({ 'a.txt': 'feature' })
  const source = open({ branch: 'feature/x' })
  assert.is((await source.next()).id, `feature/x@sha1:${first}`)
  await repository.git('reset', '--quiet', '--hard', 'main')
  await repository.write({ 'a.txt': 'rewritten' })
  const second = await repository.commit()
  await repository.git('push', '--quiet', '--force', 'origin', 'HEAD')
  const revision = await source.next()
  assert.is(revision.commit, second)
  assert.is(await text(revision), 'rewritten')
  await repository.git('push', '--quiet', '--force', 'origin', `${first}:refs/heads/feature/x`)
  assert.is(await text(await source.next()), 'feature')
})

Git('says that a branch was deleted, and goes on when it returns', async ({ open, push, repository }) => {
  await push({ 'a.txt': 'main' })
  await repository.git('checkout', '--quiet', '-b', 'live')
  await push({ 'a.txt': 'one' })
  const source = open({ branch: 'live' })
  const before = await source.next()
  await repository.git('push', '--quiet', 'origin', '--delete', 'live')
  const { reason, disposition } = await problemOf(source.next())
  assert.equal({ reason, disposition }, { reason: 'BranchNotFound', disposition: 'stalled' })
  assert.is(await text(before), 'one')
  await push({ 'a.txt': 'two' })
  assert.is(await text(await source.next()), 'two')
})

Git('asks whether another branch was meant', async ({ open, push }) => {
  await push({ 'a.txt': 'one' })
  assert.match((await problemOf(open({ branch: 'mian' }).next())).hint!, 'main')
})

Git('waits for the first commit', async ({ open, push }) => {
  const source = open()
  assert.is((await problemOf(source.next())).reason, 'EmptyRepository')
  await push({ 'a.txt': 'one' })
  assert.is(await text(await source.next()), 'one')
})

Git('takes the only branch when HEAD names one that was never pushed', async ({ open, push, repository }) => {
  await git(repository.bare, 'symbolic-ref', 'HEAD', 'refs/heads/master')
  await push({ 'a.txt': 'one' })
  const source = open()
  assert.is((await source.next()).branch, 'main')
  await repository.git('push', '--quiet', 'origin', 'HEAD:refs/heads/other')
  const { reason, hint } = await problemOf(source.next())
  assert.is(reason, 'BranchNotFound')
  assert.match(hint!, 'main, other')
})

Git('waits for a repository that went away', async ({ open, push, repository }) => {
  await push({ 'a.txt': 'one' })
  const source = open()
  await source.next()
  await rename(repository.bare, `${repository.bare}.away`)
  const { reason, disposition } = await problemOf(source.next())
  assert.equal({ reason, disposition }, { reason: 'RepositoryNotFound', disposition: 'waiting' })
  await rename(`${repository.bare}.away`, repository.bare)
  await push({ 'a.txt': 'two' })
  assert.is(await text(await source.next()), 'two')
})

Git('never takes the repository around its cache for its own', async ({ push, repository, open }) => {
  await push({ 'a.txt': 'one' })
  const cacheDir = join(repository.work, '.dyninka')
  const before = await repository.git('for-each-ref')
  const source = open({ cacheDir, url: join(repository.root, 'nowhere.git') })
  assert.is((await problemOf(source.next())).reason, 'RepositoryNotFound')
  assert.is(await repository.git('for-each-ref'), before)
})

Git('makes a tree anew that somebody removed', async ({ open, push }) => {
  await push({ 'a.txt': 'one' })
  const source = open()
  await rm((await source.next()).tree, { recursive: true })
  assert.is(await text(await source.next()), 'one')
})

Git('serves one caller after the other', async ({ open, push }) => {
  await push({ 'a.txt': 'one' })
  const source = open()
  const revisions = await Promise.all([source.next(), source.next(), source.next()])
  assert.is(new Set(revisions).size, 1)
})

Git('takes a file URL', async ({ open, push, repository }) => {
  await push({ 'a.txt': 'one' })
  await push({ 'a.txt': 'two' })
  const source = open({ url: `file://${repository.bare}` })
  assert.is(await text(await source.next()), 'two')
})

for (const url of ['', '-u', 'ext::sh -c true', 'ftp://example.org/x', 'https://exa mple/x', 'a\nb']) {
  Git(`refuses ${JSON.stringify(url)} as a URL`, ({ cacheDir }) => {
    assert.throws(
      () => gitSource({ url, cacheDir }),
      (error: Problem) => error.reason === 'InvalidUrl',
    )
  })
}

Git.run()
