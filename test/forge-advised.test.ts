import { chmod, writeFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { author } from '../controller/source/index.ts'
import { Advised } from './support/advised.ts'
import { flow } from './support/climate-flow.ts'
import { until } from './support/controlled.ts'

const Propose = suite<{ world: Advised }>('suggestions in a repository as there are')

Propose.before.each(async context => {
  context.world = await Advised.start()
})
Propose.after.each(({ world }) => world.close())

Propose('ask only for what is new', async ({ world }) => {
  const { forge } = world
  world.look()
  await world.proposed()
  await world.another()
  const [before, same] = [forge.requests.length, forge.notModified]
  await world.another()
  await world.another()
  const asked = forge.requests.slice(before)
  assert.ok(asked.length >= 2)
  assert.ok(
    asked.every(request => request.startsWith('GET ')),
    asked.join(),
  )
  assert.ok(forge.notModified - same >= asked.length - 1, `${forge.notModified - same} of ${asked.length}`)
})

Propose('are made all the same where a reviewer can not be asked, which is said', async ({ world }) => {
  const { forge, advisor } = world
  await advisor.close()
  world.advisorWith({ proposing: { reviewers: ['grace'] } })
  forge.pulls.strangers.add('grace')
  world.look()
  await world.says('ForgeRefused')
  assert.match(world.dataflow.suggestion!.message!, 'Reviews may only be requested from collaborators: grace')
  assert.is(forge.pulls.all.length, 1)
  forge.pulls.strangers.clear()
  await until('she is asked', () => forge.pulls.all[0]!.reviewers.includes('grace'), undefined, 60_000)
  await until('nothing is said any more', () => world.dataflow.suggestion?.reason === undefined)
  forge.pulls.all[0]!.reviewers.splice(0)
  await world.another()
  await world.another()
  assert.equal(forge.pulls.all[0]!.reviewers, [], 'who is taken away is not asked again')
})

Propose('say which rule of the repository keeps the branch from being pushed', async ({ world }) => {
  const { repository, forge } = world
  const hook = `${repository.bare}/hooks/pre-receive`
  await writeFile(hook, '#!/bin/sh\necho "GH006: Protected branch update failed" >&2\nexit 1\n')
  await chmod(hook, 0o755)
  world.look()
  await world.says('BranchRefused')
  assert.match(world.dataflow.suggestion!.message!, 'GH006: Protected branch update failed')
  assert.is(forge.pulls.all.length, 0)
  await writeFile(hook, '#!/bin/sh\nexit 0\n')
  await world.proposed()
})

Propose('are made where the default branch alone is protected', async ({ world }) => {
  const hook = `${world.repository.bare}/hooks/update`
  await writeFile(
    hook,
    '#!/bin/sh\n[ "$1" != refs/heads/main ] || { echo "GH006: Protected branch" >&2; exit 1; }\n',
  )
  await chmod(hook, 0o755)
  world.look()
  await world.proposed()
})

Propose('say which branch is in the way', async ({ world }) => {
  const { repository } = world
  await repository.git('push', '--quiet', 'origin', 'main:dyninka')
  world.look()
  await world.says('BranchRefused')
  const [told] = world.events.filter(event => event.type === 'report-failed')
  assert.match(JSON.stringify(told), 'have another prefix (--branch-prefix)')
  await repository.git('push', '--quiet', 'origin', ':dyninka')
  await world.proposed()
})

Propose('take over a branch of theirs that an earlier time has left', async ({ world }) => {
  const { repository, forge } = world
  await repository.git('checkout', '--quiet', '--detach')
  await repository.write({ 'flows/dataflow.yaml': flow('moon') })
  await repository.commit()
  // Who commits is told by the environment of these tests: ours is written by hand.
  const tree = (await repository.git('rev-parse', 'HEAD^{tree}')).trim()
  const raw = `tree ${tree}\nauthor D <${author.email}> 0 +0000\ncommitter D <${author.email}> 0 +0000\n\nold\n`
  await repository.write({ 'commit.raw': raw })
  const commit = (await repository.git('hash-object', '-t', 'commit', '-w', 'commit.raw')).trim()
  await repository.git('push', '--quiet', 'origin', `${commit}:refs/heads/dyninka/climate`)
  const others = Array.from({ length: 120 }, (_, n) => `${commit}:refs/heads/old/${n}`)
  await repository.git('push', '--quiet', 'origin', ...others)
  world.look()
  await world.proposed()
  await repository.git('fetch', '--quiet', 'origin', 'dyninka/climate')
  assert.is(await repository.git('show', 'FETCH_HEAD:flows/dataflow.yaml'), flow('edge'))
  assert.is(forge.pulls.all.length, 1)
})

Propose('find their own among hundreds, on a forge that gives all of them', async ({ world }) => {
  const { forge, advisor } = world
  await advisor.close()
  forge.isGitea = true
  forge.hasTags = false
  world.advisorWith({ forge: { type: 'gitea' } })
  world.look()
  await world.proposed()
  const [own] = forge.pulls.all
  for (let n = 2; n <= 150; n++)
    forge.pulls.all.push({ ...own!, number: n, branch: `old/${n}`, state: 'closed', body: '' })
  await world.another()
  await world.another()
  assert.is(world.dataflow.suggestion!.state, 'unchanged')
  assert.is(forge.pulls.all.length, 150)
})

Propose.run()
