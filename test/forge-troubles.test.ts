import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Advised } from './support/advised.ts'
import { until } from './support/controlled.ts'
import type { Trouble } from './support/forge/forge.ts'

const Troubles = suite<{ world: Advised }>('suggestions on a forge in trouble')

Troubles.before.each(async context => {
  context.world = await Advised.start()
})
Troubles.after.each(({ world }) => world.close())

const answer = (status: number, headers: Record<string, string> = {}, message = 'No') => ({
  status,
  headers,
  body: { message, documentation_url: 'https://forge.example/rest' },
})
const inASecond = () => String(Math.ceil(Date.now() / 1_000) + 1)
const isCreation = ({ method, path }: Parameters<Trouble>[0]) =>
  method === 'POST' && path === '/repos/{owner}/{repo}/pulls'

const never = 'an answer that never comes'

const troubles: [what: string, trouble: Trouble, reason: string, says: RegExp][] = [
  [
    'a limit of requests',
    () => answer(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inASecond() }),
    'ForgeRateLimited',
    /no more requests for now/,
  ],
  [
    'a secondary limit',
    () => answer(403, { 'retry-after': '1' }),
    'ForgeRateLimited',
    /no more requests for now/,
  ],
  [
    'a secondary limit of creations',
    operation => (isCreation(operation) ? answer(429, { 'retry-after': '1' }) : undefined),
    'ForgeRateLimited',
    /open a pull request/,
  ],
  [
    'a conflict',
    operation => (isCreation(operation) ? answer(409, {}, 'Git Repository is busy') : undefined),
    'ForgeRefused',
    /Git Repository is busy/,
  ],
  [
    'a request that it takes for wrong',
    operation => (isCreation(operation) ? answer(422, {}, 'Validation Failed') : undefined),
    'ForgeRefused',
    /Validation Failed/,
  ],
  ['a gateway', () => answer(502), 'ForgeUnreachable', /answers 502/],
  ['a connection that ends', () => 'drop', 'ForgeUnreachable', /could not/],
  [
    'a connection that ends when it is done',
    operation => (isCreation(operation) ? 'lose' : undefined),
    'ForgeUnreachable',
    /open a pull request/,
  ],
  [never, () => 'silence', 'ForgeUnreachable', /could not/],
  ['a token that has expired', () => answer(401), 'ForgeAuthenticationFailed', /the token is refused/],
  [
    'a token that lacks a permission',
    operation =>
      isCreation(operation)
        ? answer(403, { 'x-accepted-github-permissions': 'pull_requests=write' }, 'Resource not accessible')
        : undefined,
    'ForgePermissionMissing',
    /may not: Resource not accessible/,
  ],
]

for (const [what, trouble, reason, says] of troubles) {
  Troubles(`say so, and are made once, with ${what}`, async ({ world }) => {
    const { forge, dataflow, repository } = world
    if (what === never) {
      await world.advisor.close()
      world.advisorWith({ forge: { timeoutMs: 3_000 } })
    }
    forge.trouble = trouble
    world.look()
    await world.says(reason)
    assert.match(dataflow.suggestion!.message!, says)
    assert.is(dataflow.suggestion!.state, 'failed')
    assert.not.match(JSON.stringify([dataflow.suggestion, world.events]), forge.token)
    forge.trouble = () => undefined
    await world.proposed()
    assert.is(forge.pulls.all.length, 1)
    assert.equal(forge.pulls.all[0]!.labels, ['placement'])
    await repository.git('fetch', '--quiet', 'origin', 'dyninka/climate')
    assert.is(await repository.git('rev-list', '--count', 'main..FETCH_HEAD'), '1\n')
    const told = world.events.filter(({ type }) => type === 'report-failed')
    // A machine that is busy may be late for the short time that is allowed there.
    assert.ok(what === never || told.length === 1, 'it is told once')
  })
}

Troubles('name the permission, or the scopes, that a token lacks', async ({ world }) => {
  const { forge, events } = world
  const hintOf = (n: number) => {
    const told = events.filter(event => event.type === 'report-failed')[n]
    return told?.type === 'report-failed' ? told.hint : undefined
  }
  forge.trouble = () => answer(403, { 'x-accepted-github-permissions': 'pull_requests=read' })
  world.look()
  await until('it is told', () => hintOf(0) !== undefined, undefined, 60_000)
  assert.is(hintOf(0), 'Give it the permission: pull_requests=read.')
  forge.trouble = () => answer(404, { 'x-oauth-scopes': 'gist, read:org', 'x-accepted-oauth-scopes': 'repo' })
  await until('it is told', () => hintOf(1) !== undefined, undefined, 60_000)
  assert.match(hintOf(1)!, 'or give the token one of the scopes repo: it has gist, read:org.')
  forge.trouble = () => undefined
})

Troubles('wait as long as the forge asks for, and ask for nothing meanwhile', async ({ world }) => {
  const { forge } = world
  forge.trouble = () => answer(429, { 'retry-after': '4' })
  world.look()
  await world.says('ForgeRateLimited')
  const [asked, at] = [forge.requests.length, performance.now()]
  forge.trouble = () => undefined
  await until('it is asked again', () => forge.requests.length > asked, undefined, 60_000)
  assert.ok(performance.now() - at > 3_500, `after ${performance.now() - at} ms`)
  await world.proposed()
})

Troubles.run()
