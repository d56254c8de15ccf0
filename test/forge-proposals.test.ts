import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { OctokitForge } from '../controller/forge/octokit-forge.ts'
import type { Outcome, Proposal } from '../controller/forge/proposal.ts'
import { Proposals } from '../controller/forge/proposals.ts'
import { author, openGit, ProposalBranch } from '../controller/source/index.ts'
import type { Problem } from '../schema/problem.ts'
import { TestForge } from './support/forge/forge.ts'
import { type GitServer, startGitServer } from './support/git-server.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface World {
  repository: Repository
  server: GitServer
  forge: TestForge
}

const Propose = suite<World>('proposals')
const { signal } = new AbortController()
const branch = 'dyninka/climate'
const path = 'flows/climate/dataflow.yaml'
const rules = { labels: ['placement'], reviewers: ['grace'], isDraft: true, again: 0.5 }

Propose.before.each(async world => {
  world.repository = await makeRepository('ada/climate')
  world.server = await startGitServer(world.repository.root)
  world.forge = await TestForge.start()
  await world.repository.git('remote', 'set-url', 'origin', `${world.server.url}/ada/climate.git`)
  await world.repository.publish({ [path]: 'zone: cloud\n', 'flows/other.txt': 'x', 'README.md': 'words' })
})
Propose.after.each(async ({ repository, server, forge }) => {
  await forge.stop()
  await server.stop()
  await repository.remove()
  assert.equal(forge.faults, [])
})

function proposals({ repository, server, forge }: World): Proposals {
  const git = openGit({ gitDir: `${repository.work}/.git`, stallMs: 20_000 })
  const client = new OctokitForge(`${server.url}/ada/climate.git`, {
    type: 'github',
    url: forge.url,
    auth: { token: forge.token },
  })
  return new Proposals(client, new ProposalBranch(git, branch), rules)
}

async function proposalOf({ repository }: World, more: Partial<Proposal> = {}): Promise<Proposal> {
  await repository.git('fetch', '--quiet', 'origin', 'main')
  const commit = (await repository.git('rev-parse', 'FETCH_HEAD')).trim()
  return {
    digest: 'to-edge',
    worth: 1,
    moves: [{ item: 'filter', from: 'cloud-1', to: 'edge-1' }],
    base: { branch: 'main', commit },
    path,
    before: await repository.git('show', `${commit}:${path}`),
    text: 'zone: edge\n',
    title: 'climate: move filter to edge',
    body: 'Because.',
    ...more,
  }
}

const tipOf = async ({ repository }: World) =>
  (await repository.git('ls-remote', 'origin', `refs/heads/${branch}`)).split('\t')[0]!

const keep = async (world: World, more?: Partial<Proposal>): Promise<Outcome> =>
  proposals(world).keep(await proposalOf(world, more), signal)

Propose('open a pull request of one commit that changes one file', async world => {
  const { repository, forge } = world
  const outcome = await keep(world)
  assert.equal(outcome, { kind: 'opened', url: 'https://forge.example/ada/climate/pulls/1' })
  const [pull] = forge.pulls.all
  assert.is(pull!.title, 'climate: move filter to edge')
  assert.match(pull!.body, /^Because\./)
  assert.equal([pull!.branch, pull!.base, pull!.isDraft], [branch, 'main', true])
  assert.equal([pull!.labels, pull!.reviewers], [['placement'], ['grace']])
  await repository.git('fetch', '--quiet', 'origin', branch)
  assert.is(await repository.git('diff', '--name-only', 'main', 'FETCH_HEAD'), `${path}\n`)
  assert.is(await repository.git('show', `FETCH_HEAD:${path}`), 'zone: edge\n')
  assert.is(
    await repository.git('log', '-1', '--format=%an %ce', 'FETCH_HEAD'),
    `${author.name} ${author.email}\n`,
  )
  assert.is(await repository.git('status', '--porcelain'), '', 'nothing of the work tree is touched')
})

Propose('leave it as it is while nothing is new', async world => {
  await keep(world)
  const [tip, requests] = [await tipOf(world), world.forge.requests.length]
  assert.is((await keep(world, { worth: 1.001 })).kind, 'unchanged')
  assert.is(await tipOf(world), tip)
  assert.equal(world.forge.requests.slice(requests), ['GET /repos/ada/climate/pulls'])
})

Propose(
  'say it anew when it is worth something else, and change it in place when it is another change',
  async world => {
    await keep(world)
    const tip = await tipOf(world)
    assert.is((await keep(world, { worth: 2, body: 'Because of more.' })).kind, 'updated')
    assert.is(await tipOf(world), tip)
    assert.match(world.forge.pulls.all[0]!.body, 'Because of more.')
    const outcome = await keep(world, {
      digest: 'to-fog',
      text: 'zone: fog\n',
      title: 'climate: move filter to fog',
    })
    assert.is(outcome.kind, 'updated')
    assert.is.not(await tipOf(world), tip)
    assert.is(world.forge.pulls.all.length, 1)
    assert.is(world.forge.pulls.all[0]!.title, 'climate: move filter to fog')
  },
)

Propose('follow the branch that they are for, where it has changed the file', async world => {
  const { repository } = world
  await keep(world)
  const before = await tipOf(world)
  await repository.publish({ 'README.md': 'other words' }, 'origin')
  assert.is((await keep(world)).kind, 'unchanged', 'another file is no conflict')
  await repository.publish({ [path]: '# by hand\nzone: cloud\n' }, 'origin')
  assert.is((await keep(world, { text: '# by hand\nzone: edge\n' })).kind, 'updated')
  assert.is.not(await tipOf(world), before)
  await repository.git('fetch', '--quiet', 'origin', branch)
  assert.is(await repository.git('rev-parse', 'FETCH_HEAD^'), await repository.git('rev-parse', 'main'))
})

Propose('leave alone a branch that a person has committed to', async world => {
  const { repository, forge } = world
  await keep(world)
  await repository.git('fetch', '--quiet', 'origin', branch)
  await repository.git('checkout', '--quiet', '-B', 'theirs', 'FETCH_HEAD')
  await repository.write({ 'note.txt': 'mine' })
  await repository.commit('Say why')
  await repository.git('push', '--quiet', 'origin', `theirs:${branch}`)
  const tip = await tipOf(world)
  const outcome = await keep(world, { digest: 'to-fog', text: 'zone: fog\n' })
  assert.equal([outcome.kind, 'reason' in outcome && outcome.reason], ['held', 'PersonOnBranch'])
  assert.is(await tipOf(world), tip)
  assert.is(forge.pulls.all[0]!.comments.length, 0)
})

Propose('do not come again after they were closed, until they are worth more', async world => {
  const { forge } = world
  await keep(world)
  forge.pulls.all[0]!.state = 'closed'
  const outcome = await keep(world, { worth: 1.4 })
  assert.equal([outcome.kind, 'reason' in outcome && outcome.reason], ['held', 'Declined'])
  assert.is(forge.pulls.all.length, 1)
  assert.is((await keep(world, { worth: 1.6 })).kind, 'opened')
  forge.pulls.all[1]!.state = 'closed'
  assert.is((await keep(world, { digest: 'to-fog', text: 'zone: fog\n' })).kind, 'opened', 'another change')
})

Propose(
  'do not come again after they were closed, whatever else was proposed and closed since',
  async world => {
    const { forge } = world
    const toFog = { digest: 'to-fog', text: 'zone: fog\n' }
    await keep(world)
    forge.pulls.all[0]!.state = 'closed'
    assert.is((await keep(world, toFog)).kind, 'opened')
    forge.pulls.all[1]!.state = 'closed'
    for (const declined of [{}, toFog]) {
      const outcome = await keep(world, declined)
      assert.equal([outcome.kind, 'reason' in outcome && outcome.reason], ['held', 'Declined'])
    }
    assert.is(forge.pulls.all.length, 2)
  },
)

Propose('come again after another one of them was merged since they were closed', async world => {
  const { forge } = world
  await keep(world)
  forge.pulls.all[0]!.state = 'closed'
  await keep(world, { digest: 'to-fog', text: 'zone: fog\n' })
  Object.assign(forge.pulls.all[1]!, { state: 'closed', isMerged: true })
  assert.is((await keep(world)).kind, 'opened', 'it is another world')
})

Propose('come again as soon as they pay, where nobody else has closed them', async world => {
  const { forge } = world
  await keep(world)
  assert.is((await proposals(world).keep(undefined, signal)).kind, 'withdrawn')
  assert.is((await keep(world)).kind, 'opened')
  assert.is(forge.pulls.all.length, 2)
  assert.is(forge.pulls.all[1]!.state, 'open')
})

Propose('wait for what was merged to arrive', async world => {
  await keep(world)
  Object.assign(world.forge.pulls.all[0]!, { state: 'closed', isMerged: true })
  const outcome = await keep(world)
  assert.equal([outcome.kind, 'reason' in outcome && outcome.reason], ['held', 'Merged'])
})

Propose('are told what came of them once they are merged, once', async world => {
  await keep(world)
  assert.is(await proposals(world).merged(signal), undefined)
  Object.assign(world.forge.pulls.all[0]!, { state: 'closed', isMerged: true })
  const merged = await proposals(world).merged(signal)
  assert.equal(merged!.moves, [{ item: 'filter', from: 'cloud-1', to: 'edge-1' }])
  assert.is(merged!.at, Date.UTC(2026, 0, 1))
  await proposals(world).tell(merged!, 'It saves 0.9.', signal)
  assert.equal(world.forge.pulls.all[0]!.comments, ['It saves 0.9.'])
  assert.is(await proposals(world).merged(signal), undefined)
})

Propose('are told what came of them, also once the next one is open', async world => {
  await keep(world)
  Object.assign(world.forge.pulls.all[0]!, { state: 'closed', isMerged: true })
  await keep(world, { digest: 'to-fog', text: 'zone: fog\n' })
  const merged = await proposals(world).merged(signal)
  assert.is(merged?.number, 1)
  await proposals(world).tell(merged!, 'It saves 0.9.', signal)
  assert.is(await proposals(world).merged(signal), undefined)
})

Propose('are withdrawn with a word when nothing speaks for them any more', async world => {
  const { forge } = world
  await keep(world)
  assert.is((await proposals(world).keep(undefined, signal)).kind, 'withdrawn')
  assert.is(forge.pulls.all[0]!.state, 'closed')
  assert.is(forge.pulls.all[0]!.comments.length, 1)
  assert.is(await tipOf(world), '')
  assert.is((await proposals(world).keep(undefined, signal)).kind, 'nothing')
})

Propose('adopt what an earlier attempt had pushed, and opened', async world => {
  const { forge } = world
  forge.trouble = ({ method }) => (method === 'POST' ? 'drop' : undefined)
  const error = await keep(world).catch((problem: Problem) => problem)
  assert.is((error as Problem).reason, 'ForgeUnreachable')
  forge.trouble = () => undefined
  assert.is((await keep(world)).kind, 'opened')
  assert.is(forge.pulls.all.length, 1)
})

Propose('say which rule of the repository forbids the branch', async world => {
  const { repository } = world
  const hook = `${repository.bare}/hooks/pre-receive`
  const { writeFile } = await import('node:fs/promises')
  await writeFile(hook, '#!/bin/sh\necho "GH006: Protected branch" >&2\nexit 1\n', { mode: 0o755 })
  const error = (await keep(world).catch((problem: Problem) => problem)) as Problem
  assert.is(error.reason, 'BranchRefused')
  assert.match(error.message, 'GH006: Protected branch')
  assert.is(world.forge.pulls.all.length, 0)
})

Propose.run()
