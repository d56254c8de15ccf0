import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { gitSource, type Revision, type Source } from '../controller/source/index.ts'
import type { Problem } from '../schema/problem.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface Place {
  repository: Repository
  keys: string
  source: Source
  push(content: string, key?: string): Promise<string>
  fetch(): Promise<Revision & Problem>
}

const Signature = suite<Place>('source: signature')

Signature.before.each(async place => {
  place.repository = await makeRepository()
  place.keys = await mkdtemp(join(tmpdir(), 'dyninka-keys-'))
  const key = (name: string) => join(place.keys, name)
  for (const name of ['allowed', 'other'])
    await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key(name)])
  await writeFile(key('signers'), `ada@example.org ${await readFile(key('allowed.pub'), 'utf8')}`)
  place.source = gitSource({
    url: place.repository.bare,
    cacheDir: join(place.repository.root, 'cache'),
    requireSignature: { allowedSigners: key('signers') },
  })
  place.push = async (content, name) => {
    const { repository } = place
    await repository.write({ 'a.txt': content })
    await repository.git('add', '.')
    const sign = name ? ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${key(name)}`] : []
    await repository.git(...sign, 'commit', '--quiet', '-m', content, ...(name ? ['-S'] : []))
    await repository.push()
    return (await repository.git('rev-parse', 'HEAD')).trim()
  }
  place.fetch = () => place.source.fetch(new AbortController().signal).catch(error => error)
})
Signature.after.each(async ({ repository, keys, source }) => {
  await source.close()
  await repository.remove()
  await rm(keys, { recursive: true })
})

Signature('takes a commit signed with an allowed key', async ({ push, fetch }) => {
  const commit = await push('signed', 'allowed')
  assert.is((await fetch()).commit, commit)
})

for (const [what, key] of [
  ['without a signature', undefined],
  ['signed with another key', 'other'],
] as const) {
  Signature(`refuses a commit ${what}, and goes on with the next good one`, async ({ push, fetch }) => {
    await push('first', 'allowed')
    await push('bad', key)
    const { reason, disposition } = await fetch()
    assert.equal({ reason, disposition }, { reason: 'SignatureRequired', disposition: 'stalled' })
    const commit = await push('good', 'allowed')
    assert.is((await fetch()).commit, commit)
  })
}

Signature('takes a commit once its key is allowed', async ({ push, fetch, keys }) => {
  const commit = await push('early', 'other')
  assert.is((await fetch()).reason, 'SignatureRequired')
  await writeFile(join(keys, 'signers'), `ada@example.org ${await readFile(join(keys, 'other.pub'), 'utf8')}`)
  assert.is((await fetch()).commit, commit)
})

Signature.run()
