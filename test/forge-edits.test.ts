import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkProposal } from '../controller/placement/check-proposal.ts'
import type { Problem } from '../schema/problem.ts'
import { Advised } from './support/advised.ts'
import { flow } from './support/climate-flow.ts'
import { until } from './support/controlled.ts'

const Edits = suite<{ world: Advised }>('suggestions, and what people do meanwhile')

Edits.before.each(async context => {
  context.world = await Advised.start()
})
Edits.after.each(({ world }) => world.close())

const path = 'flows/dataflow.yaml'
const branch = 'dyninka/climate'

const proposedText = async ({ repository }: Advised) => {
  await repository.git('fetch', '--quiet', 'origin', branch)
  return repository.git('show', `FETCH_HEAD:${path}`)
}

Edits('are made anew for a file that was edited in the same line', async ({ world }) => {
  const { repository, forge } = world
  world.look()
  await world.proposed()
  const edited = flow('cloud').replace('decided by hand', 'for now')
  const commit = await repository.publish({ [path]: edited })
  await world.settle()
  await until('it follows', async () => /for now/.test(await proposedText(world)), undefined, 60_000)
  assert.is(await proposedText(world), edited.replace('zone: cloud', 'zone: edge'))
  await repository.git('fetch', '--quiet', 'origin', branch)
  assert.is(await repository.git('rev-parse', 'FETCH_HEAD^'), `${commit}\n`, 'it can be merged')
  assert.is(forge.pulls.all.length, 1)
  assert.is(forge.pulls.all[0]!.state, 'open')
})

Edits('wait while a file is not valid, and say so', async ({ world }) => {
  const { repository, forge } = world
  world.look()
  await world.proposed()
  await repository.publish({ [path]: flow('cloud').replace('from: raw', 'from: rain') })
  await world.settle()
  await world.says('NotSettled')
  assert.match(world.dataflow.suggestion!.message!, 'rain')
  assert.is(await proposedText(world), flow('edge'))
  await repository.publish({ [path]: flow('cloud') })
  await world.settle()
  await world.proposed()
  assert.is(forge.pulls.all.length, 1)
})

Edits('are taken back when somebody has decided the same by hand', async ({ world }) => {
  const { repository, forge } = world
  world.look()
  await world.proposed()
  // What runs has yet to be measured where it is now.
  await repository.publish({ [path]: flow('edge') })
  await world.settle()
  await until('it is closed', () => forge.pulls.all[0]!.state === 'closed', undefined, 60_000)
  assert.equal(forge.pulls.all[0]!.comments, ['The file decides so already: closed.'])
  await world.says('AlreadyDecided')
  assert.equal(await world.refs(`refs/heads/${branch}`), [])
  world.moveFilter()
  await until('nothing is proposed', () => world.dataflow.suggestion === undefined, undefined, 60_000)
  assert.is(forge.pulls.all.length, 1)
})

Edits('are nobody else’s once a person has committed to the branch', async ({ world }) => {
  const { repository, forge } = world
  world.look()
  await world.proposed()
  await repository.git('fetch', '--quiet', 'origin', branch)
  await repository.git('checkout', '--quiet', '--detach', 'FETCH_HEAD')
  await repository.write({ [path]: flow('edge').replace('decided by hand', 'mine') })
  await repository.commit()
  await repository.git('push', '--quiet', 'origin', `HEAD:${branch}`)
  await world.says('PersonOnBranch')
  assert.match(await proposedText(world), 'mine')
  assert.is(forge.pulls.all[0]!.state, 'open')
})

Edits('are not proposed when the file would be refused with them', async ({ world }) => {
  const dir = join(world.dataflow.offered!.tree, 'flows')
  const nodes = world.file.header.nodes
  await checkProposal({ path, text: flow('edge') }, dir, nodes)
  for (const [text, says] of [
    [flow('moon'), /flows\/dataflow\.yaml would be refused: line \d+: .*moon/],
    [flow('edge').replace('from: raw', 'from: rain'), /would be refused: line \d+: .*rain/],
  ] as const) {
    const problem = await checkProposal({ path, text }, dir, nodes).catch((error: Problem) => error)
    assert.is(problem?.reason, 'ProposalInvalid')
    assert.match(problem!.message, says, problem!.message)
  }
})

Edits.run()
