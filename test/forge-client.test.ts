import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CommitStatus, ForgeOptions } from '../controller/forge/forge.ts'
import { OctokitForge } from '../controller/forge/octokit-forge.ts'
import type { Problem } from '../schema/problem.ts'
import { keyPair, TestForge, type Trouble } from './support/forge/forge.ts'

const Client = suite<{ forge: TestForge }>('client of a forge')

Client.before.each(async context => {
  context.forge = await TestForge.start()
})
Client.after.each(async ({ forge }) => {
  await forge.stop()
  assert.equal(forge.faults, [])
})

const { signal } = new AbortController()
const commit = 'a'.repeat(40)
const good: CommitStatus = { context: 'dyninka/climate', state: 'success', description: 'all of it runs' }

const clientOf = (forge: TestForge, auth: ForgeOptions['auth'] = { token: forge.token }) =>
  new OctokitForge('https://forge.example/ada/climate.git', { type: 'github', url: forge.url, auth })

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  return work.then(
    () => assert.unreachable('it went well') as never,
    (problem: Problem) => problem,
  )
}

Client('sets the status of a commit, and reads the newest of its own', async ({ forge }) => {
  const client = clientOf(forge)
  assert.is(await client.commitStatus(commit, good.context, signal), undefined)
  await client.setCommitStatus(commit, { ...good, state: 'pending', url: 'https://forge.example/x' }, signal)
  await client.setCommitStatus(commit, good, signal)
  await client.setCommitStatus(commit, { ...good, context: 'other', state: 'failure' }, signal)
  assert.equal(await client.commitStatus(commit, good.context, signal), good)
  assert.is(await client.commitStatus('b'.repeat(40), good.context, signal), undefined)
  assert.is(forge.statuses[0]!.repository, 'ada/climate')
  assert.is(forge.statuses[0]!.url, 'https://forge.example/x')
})

Client('reads what Gitea names in its own way', async ({ forge }) => {
  forge.isGitea = true
  const client = clientOf(forge)
  await client.setCommitStatus(commit, good, signal)
  assert.equal(await client.commitStatus(commit, good.context, signal), good)
})

Client('is a GitHub App where it has the key of one', async ({ forge }) => {
  const { id: appId, privateKey } = forge.app
  await clientOf(forge, { appId, privateKey }).setCommitStatus(commit, good, signal)
  assert.equal(forge.said(commit, good.context), ['success: all of it runs'])
  const { reason } = await problemOf(
    clientOf(forge, { appId, privateKey: keyPair().privateKey }).setCommitStatus(commit, good, signal),
  )
  assert.is(reason, 'ForgeAuthenticationFailed')
})

const answer = (status: number, headers: Record<string, string> = {}, body: unknown = { message: 'No' }) => ({
  status,
  headers,
  body,
})
const inTenSeconds = () => String(Math.ceil(Date.now() / 1_000) + 10)

const troubles: [
  what: string,
  trouble: ReturnType<Trouble> | (() => ReturnType<Trouble>),
  reason: string,
  says: RegExp,
][] = [
  [
    'a token that may not',
    answer(403, { 'x-accepted-github-permissions': 'statuses=write' }),
    'ForgePermissionMissing',
    /statuses=write/,
  ],
  [
    'a repository that it may not see',
    answer(404),
    'ForgeRepositoryNotFound',
    /ada\/climate.*token may see it/s,
  ],
  [
    'a commit that is not there',
    answer(422, {}, { message: 'No commit found for SHA: aaa' }),
    'ForgeRefused',
    /No commit found/,
  ],
  [
    'a limit',
    () => answer(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inTenSeconds() }),
    'ForgeRateLimited',
    /goes on by itself/,
  ],
  ['a secondary limit', answer(429, { 'retry-after': '7' }), 'ForgeRateLimited', /goes on by itself/],
  [
    'a secondary limit that names no time',
    answer(
      403,
      {},
      {
        message: 'You have exceeded a secondary rate limit',
        documentation_url: 'https://docs.github.com/rest/overview/rate-limits-for-the-rest-api',
      },
    ),
    'ForgeRateLimited',
    /goes on by itself/,
  ],
  ['a gateway', answer(502, {}, 'bad gateway'), 'ForgeUnreachable', /answers 502/],
  ['a connection that ends', 'drop', 'ForgeUnreachable', /tried again/],
]

for (const [what, trouble, reason, says] of troubles) {
  Client(`says what is wrong: ${what}`, async ({ forge }) => {
    forge.trouble = () => (typeof trouble === 'function' ? trouble() : trouble)
    const problem = await problemOf(clientOf(forge).setCommitStatus(commit, good, signal))
    assert.is(problem.reason, reason, problem.message)
    assert.match(`${problem.message} ${problem.hint}`, says)
    assert.not.match(problem.message, forge.token)
    forge.trouble = () => undefined
  })
}

Client('waits as long as the forge asks for', async ({ forge }) => {
  forge.trouble = () => answer(429, { 'retry-after': '7' })
  const ask = () => problemOf(clientOf(forge).commitStatus(commit, good.context, signal))
  assert.is((await ask()).againMs, 7_000)
  forge.trouble = () => answer(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inTenSeconds() })
  const { againMs } = await ask()
  assert.ok(againMs! > 8_000 && againMs! <= 11_000, String(againMs))
})

Client('ends what it asks when it is told to', async ({ forge }) => {
  const ending = new AbortController()
  forge.trouble = () => {
    ending.abort()
    return 'drop'
  }
  const error = await problemOf(clientOf(forge).commitStatus(commit, good.context, ending.signal))
  assert.is(error.name, 'AbortError')
})

Client('says what is wrong with a token', async ({ forge }) => {
  const problem = await problemOf(
    clientOf(forge, { token: 'wrong' }).commitStatus(commit, good.context, signal),
  )
  assert.is(problem.reason, 'ForgeAuthenticationFailed')
})

Client.run()
