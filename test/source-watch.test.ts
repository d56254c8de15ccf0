import { rename } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Watcher, watchRepository } from '../controller/source/index.ts'
import { git, makeRepository, type Repository } from './support/repository.ts'

interface Place {
  repository: Repository
  /** Resolves with the next notice. */
  next(): Promise<void>
}

/** Nothing here polls: a change that is not noticed never ends its test. */
const Watch = suite<Place>('source: watch')
const settled = () => new Promise(resolve => setTimeout(resolve, 100))
let watcher: Watcher | undefined
let patience: NodeJS.Timeout

Watch.before.each(async place => {
  place.repository = await makeRepository()
  let notice = () => {}
  place.next = () =>
    new Promise((resolve, reject) => {
      patience = setTimeout(() => reject(new Error('not noticed')), 8000)
      notice = resolve
    })
  watcher = watchRepository(place.repository.bare, () => notice())
})
Watch.after.each(async ({ repository }) => {
  clearTimeout(patience)
  watcher?.close()
  await repository.remove()
})

Watch('notices every push, also of a branch with a slash, and a deletion', async ({ repository, next }) => {
  for (const branch of ['main', 'main', 'feature/one', 'feature/one', 'main']) {
    for (let i = 0; i < 3; i++) {
      await repository.commit()
      const noticed = next()
      await repository.git('push', '--quiet', '--force', 'origin', `HEAD:refs/heads/${branch}`)
      await noticed
    }
  }
  const noticed = next()
  await repository.git('push', '--quiet', 'origin', '--delete', 'feature/one')
  await noticed
})

Watch('notices a branch that moves while all of them are packed', async ({ repository, next }) => {
  await repository.commit()
  await repository.push()
  const packed = next()
  await git(repository.bare, 'pack-refs', '--all')
  await packed
  await repository.commit()
  const noticed = next()
  await repository.push()
  await noticed
})

Watch('notices that a repository is back, and pushes to it', async ({ repository, next }) => {
  await repository.commit()
  await repository.push()
  const { bare } = repository
  await settled() // or the push would still be looked into, and find the repository gone
  await rename(bare, `${bare}.away`)
  const back = next()
  await git(repository.root, 'clone', '--quiet', '--bare', `${bare}.away`, bare)
  await back
  await repository.commit()
  const noticed = next()
  await repository.push()
  await noticed
})

Watch('notices a commit in a working copy', async ({ repository }) => {
  watcher?.close()
  const noticed = new Promise<void>(done => {
    watcher = watchRepository(repository.work, done)
  })
  await repository.commit()
  await noticed
})

Watch('watches nothing that is not on this machine', () => {
  for (const url of ['https://example.org/x.git', 'git@example.org:x.git', 'ssh://example.org/x'])
    assert.is(
      watchRepository(url, () => {}),
      undefined,
    )
})

Watch.run()
