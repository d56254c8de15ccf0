import { access, lstat, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { gitSource, type Revision } from '../controller/source/index.ts'
import { leavesTree } from '../controller/source/links.ts'
import type { Problem } from '../schema/problem.ts'
import { git, makeRepository, type Repository } from './support/repository.ts'

interface Place {
  repository: Repository
  /** @returns what one source says of the commit, now and when asked again */
  take(maxBlobBytes?: number): Promise<Revision>
  refuse(maxBlobBytes?: number): Promise<Problem>
}

const Content = suite<Place>('source: content')

Content.before.each(async place => {
  place.repository = await makeRepository()
  const { root, bare } = place.repository
  const fetchOnce = async (maxBlobBytes = 1000) => {
    const source = gitSource({ url: bare, cacheDir: join(root, 'cache'), maxBlobBytes })
    await place.repository.commit()
    await place.repository.push()
    const signal = new AbortController().signal
    const outcome = await source.fetch(signal).catch(error => error)
    const again = await source.fetch(signal).catch(error => error)
    await source.close()
    assert.is(again, outcome)
    return outcome
  }
  place.take = async maxBlobBytes => {
    const outcome = await fetchOnce(maxBlobBytes)
    if (outcome instanceof Error) throw outcome
    return outcome
  }
  place.refuse = async maxBlobBytes => {
    const outcome = await fetchOnce(maxBlobBytes)
    if (!(outcome instanceof Error)) throw new Error('it was taken')
    return outcome as Problem
  }
})
Content.after.each(({ repository }) => repository.remove())

Content('refuses a file that is too large', async ({ repository, take, refuse }) => {
  await repository.write({ 'films/large.bin': Buffer.alloc(1001), 'fits.bin': Buffer.alloc(1000) })
  const { reason, message, disposition } = await refuse()
  assert.equal({ reason, disposition }, { reason: 'FileTooLarge', disposition: 'stalled' })
  assert.match(message, 'films/large.bin')
  assert.not.match(message, 'fits.bin')
  await repository.write({ 'films/large.bin': null })
  assert.is((await lstat(join((await take()).tree, 'fits.bin'))).size, 1000)
})

Content('says how large it is', async ({ repository, refuse }) => {
  await repository.write({ 'large.bin': Buffer.alloc(3 * 1024 * 1024) })
  assert.match((await refuse(1024 * 1024)).message, 'large.bin (3.0 MB): larger than 1.0 MB')
})

Content(
  'keeps a link that stays inside, and names each that does not',
  async ({ repository, take, refuse }) => {
    await repository.write({ 'a/x.txt': 'x', 'b/link': { link: '../a/x.txt' }, loop: { link: 'loop' } })
    const { tree } = await take()
    assert.is(await readFile(join(tree, 'b/link'), 'utf8'), 'x')
    assert.is(await readlink(join(tree, 'loop')), 'loop')
    await repository.write({ 'b/out': { link: '../../outside' }, abs: { link: '/etc/passwd' } })
    const { reason, message, disposition } = await refuse()
    assert.equal({ reason, disposition }, { reason: 'LinkLeavesRepository', disposition: 'stalled' })
    assert.match(message, 'b/out → ../../outside')
    assert.match(message, 'abs → /etc/passwd')
    assert.not.match(message, 'loop')
  },
)

Content('runs no filter and changes no line end, whatever attributes and settings say', async place => {
  const { repository } = place
  const ran = join(repository.root, 'filter-ran')
  await repository.write({
    '.gitattributes': '*.txt filter=evil\n*.crlf text eol=crlf\n',
    'f.crlf': 'a\n',
    'f.txt': 'b',
  })
  const settings = join(repository.root, '.gitconfig')
  await writeFile(settings, `[filter "evil"]\n\tsmudge = touch ${ran}\n\trequired = true\n`)
  const home = process.env.HOME
  process.env.HOME = repository.root
  try {
    const { tree } = await place.take()
    assert.is(await readFile(join(tree, 'f.txt'), 'utf8'), 'b')
    assert.is(await readFile(join(tree, 'f.crlf'), 'utf8'), 'a\n')
  } finally {
    process.env.HOME = home
  }
  assert.is(
    await access(ran).then(
      () => true,
      () => false,
    ),
    false,
  )
})

Content('leaves submodules out, and keeps what may be executed so', async ({ repository, take }) => {
  await repository.write({
    'run.sh': 'true',
    '.gitmodules': '[submodule "s"]\n\tpath = s\n\turl = ../s.git\n',
  })
  const head = await repository.commit()
  await repository.git('update-index', '--chmod=+x', 'run.sh')
  await repository.git('update-index', '--add', '--cacheinfo', `160000,${head},s`)
  await repository.git('commit', '--quiet', '-m', 'Submodule')
  await repository.git('checkout', '--quiet', '.')
  const { tree } = await take()
  assert.ok((await lstat(join(tree, 'run.sh'))).mode & 0o100)
  assert.is(
    await access(join(tree, 's')).then(
      () => true,
      () => false,
    ),
    false,
  )
})

Content('refuses a path that could write elsewhere', async ({ repository, refuse }) => {
  await repository.write({ 'a.txt': 'x' })
  await repository.commit()
  const blob = (await repository.git('rev-parse', 'HEAD:a.txt')).trim()
  const { execFileSync } = await import('node:child_process')
  const mktree = (input: string) =>
    execFileSync('git', ['mktree'], { cwd: repository.work, input }).toString().trim()
  const tree = mktree(`040000 tree ${mktree(`100644 blob ${blob}\tescaped.txt\n`)}\t..\n`)
  const commit = (await repository.git('commit-tree', tree, '-m', 'Escape')).trim()
  await repository.git('update-ref', 'refs/heads/main', commit)
  await git(repository.bare, 'config', 'receive.fsckObjects', 'false')
  await repository.git('push', '--quiet', 'origin', 'main')
  const source = gitSource({ url: repository.bare, cacheDir: join(repository.root, 'cache') })
  const outcome = await source.fetch(new AbortController().signal).catch(error => error)
  await source.close()
  assert.is(outcome.reason, 'UnsafePath')
  assert.ok(refuse)
})

for (const [path, links, expected] of [
  ['l', { l: 'a/b' }, false],
  ['l', { l: '..' }, true],
  ['l', { l: '.' }, false],
  ['d/l', { 'd/l': '..' }, false],
  ['d/l', { 'd/l': '../..' }, true],
  ['l', { l: '/etc' }, true],
  ['l', { l: 'C:\\x' }, true],
  ['l', { l: 'gone/../../x' }, true],
  ['l', { l: 'a/b/c', 'a/b': '..' }, false],
  // It looks as if it stayed inside, but `a/b/up` is the top of the tree.
  ['l', { l: 'a/b/up/..', 'a/b/up': '../..' }, true],
  ['l', { l: 'l2', l2: '../x' }, true],
  ['l', { l: 'l2', l2: 'l' }, false],
] as const) {
  Content(`${expected ? 'sees' : 'does not see'} ${path} leave in ${JSON.stringify(links)}`, () => {
    assert.is(leavesTree(path, new Map(Object.entries(links))), expected)
  })
}

Content.run()
