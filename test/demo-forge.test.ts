import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DemoForge } from '../cli/demo/forge/forge.ts'
import { markdown } from '../cli/demo/forge/markdown.ts'
import type { Pull } from '../cli/demo/forge/pull-requests.ts'
import { OctokitForge } from '../controller/forge/octokit-forge.ts'
import { gitSource } from '../controller/source/index.ts'
import type { Problem } from '../schema/problem.ts'
import { faultsOf, operationOf } from './support/forge/description.ts'
import { git, makeRepository, type Repository } from './support/repository.ts'

interface World {
  repository: Repository
  forge: DemoForge
  client: OctokitForge
}

const Forge = suite<World>('forge of the demonstration')
const { signal } = new AbortController()
const pullRequest = {
  branch: 'dyninka/etl',
  base: 'main',
  title: 'etl: move parse to edge',
  body: 'Moves `parse`.',
  isDraft: false,
}

Forge.before.each(async world => {
  world.repository = await makeRepository()
  await world.repository.publish({ 'dataflow.yaml': 'zone: cloud\n' })
  world.forge = await DemoForge.start(world.repository.bare, 'demo/etl')
  world.client = clientOf(world.forge, world.forge.token)
})
Forge.after.each(async ({ repository, forge }) => {
  await forge.stop()
  await repository.remove()
})

/** It finds the API where it would be on a GitHub of one's own. */
const clientOf = ({ repositoryUrl }: DemoForge, token: string) =>
  new OctokitForge(repositoryUrl, { type: 'github', auth: { token } })

async function propose({ repository, forge, client }: World): Promise<Pull> {
  await repository.git('checkout', '--quiet', '-b', pullRequest.branch)
  await repository.write({ 'dataflow.yaml': 'zone: edge\n' })
  await repository.commit('Move parse')
  await git(repository.work, 'push', '--quiet', forge.repositoryUrl, pullRequest.branch)
  const opened = new Promise<Pull>(done => forge.once('opened', done))
  await client.createPullRequest(pullRequest, signal)
  return opened
}

Forge('takes a push over HTTP, and gives back what was pushed', async world => {
  const { repository, forge } = world
  await propose(world)
  const tip = (await repository.git('rev-parse', 'HEAD')).trim()
  const listed = await git(repository.root, 'ls-remote', forge.repositoryUrl, pullRequest.branch)
  assert.match(listed, tip)
  const source = gitSource({ url: forge.repositoryUrl, branch: 'main', cacheDir: `${repository.root}/cache` })
  assert.match((await source.fetch(signal)).id, 'main@')
  await source.close()
})

Forge('keeps a pull request as Octokit asks, and answers as GitHub describes it', async world => {
  const { forge, client, repository } = world
  await propose(world)
  await client.updatePullRequest(1, { title: 'another', body: 'text' }, signal)
  await client.addLabels(1, ['placement'], signal)
  await client.requestReviewers(1, ['grace'], signal)
  await client.comment(1, 'a comment', signal)
  const [listed] = await client.pullRequests(pullRequest.branch, signal)
  assert.equal(
    [listed!.title, listed!.state, listed!.url],
    ['another', 'open', `${forge.url}/demo/etl/pulls/1`],
  )
  const commit = (await repository.git('rev-parse', 'HEAD')).trim()
  await client.setCommitStatus(
    commit,
    { context: 'dyninka/etl', state: 'success', description: 'runs' },
    signal,
  )
  assert.is((await client.commitStatus(commit, 'dyninka/etl', signal))!.description, 'runs')
  for (const path of ['/repos/demo/etl/pulls?state=all', `/repos/demo/etl/commits/${commit}/statuses`]) {
    const response = await fetch(`${forge.url}/api/v3${path}`, {
      headers: { authorization: `token ${forge.token}` },
    })
    const { answers } = operationOf('GET', path.split('?')[0]!)!
    assert.equal(faultsOf(await response.json(), answers[response.status]!), [])
  }
})

Forge('merges by a commit with two parents, by the button and for this site alone', async world => {
  const { forge, client, repository } = world
  const pull = await propose(world)
  const page = forge.pageOf(pull)
  const press = (origin: string) =>
    fetch(`${page}/merge`, { method: 'POST', headers: { origin }, redirect: 'manual' })
  assert.is((await press('http://elsewhere.example')).status, 404)
  assert.is((await client.pullRequests(pullRequest.branch, signal))[0]!.state, 'open')
  assert.match(await (await fetch(page)).text(), 'Merge pull request')
  assert.is((await press(forge.url)).status, 303)
  const [merged] = await client.pullRequests(pullRequest.branch, signal)
  assert.is(merged!.state, 'merged')
  assert.ok(Math.abs(merged!.mergedAt! - Date.now()) < 30_000)
  await repository.git('fetch', '--quiet', 'origin')
  assert.is(await repository.git('show', 'origin/main:dataflow.yaml'), 'zone: edge\n')
  assert.match(
    await repository.git('log', '-1', '--format=%P %s', 'origin/main'),
    /^\w+ \w+ Merge pull request #1/,
  )
  const text = await (await fetch(page)).text()
  assert.match(text, 'Merged')
  assert.match(text, '+zone: edge', 'what it changed can still be read')
})

Forge('says so where both sides have changed the same line, and leaves it open', async world => {
  const { forge, client, repository } = world
  const pull = await propose(world)
  await repository.git('checkout', '--quiet', 'main')
  await repository.publish({ 'dataflow.yaml': 'zone: moon\n' })
  const response = await fetch(`${forge.pageOf(pull)}/merge`, { method: 'POST' })
  assert.is(response.status, 500)
  assert.match(await response.text(), 'git merge failed')
  assert.is((await client.pullRequests(pullRequest.branch, signal))[0]!.state, 'open')
})

Forge('lets nobody in without its token, and knows no other repository', async ({ forge }) => {
  const refused = (client: OctokitForge) =>
    client.pullRequests('main', signal).then(
      () => 'let in',
      (problem: Problem) => problem.reason,
    )
  assert.is(await refused(clientOf(forge, 'wrong')), 'ForgeAuthenticationFailed')
  const other = new OctokitForge(`${forge.url}/demo/other.git`, {
    type: 'github',
    auth: { token: forge.token },
  })
  assert.is(await refused(other), 'ForgeRepositoryNotFound')
  assert.is((await fetch(`${forge.url}/demo/etl/pulls/7`)).status, 404)
})

Forge('draws what a suggestion says, and nothing that it does not', () => {
  const html = markdown(
    [
      '### Edges',
      '| a | b |',
      '| --- | --- |',
      '| `x→y` | 1 \\| 2 |',
      '```mermaid',
      'flowchart LR',
      '  subgraph z0["edge"]',
      '    n0(["<in>"])',
      '    n1["parse"]:::moved',
      '  end',
      '  n0 -->|"10/s"| n1',
      '```',
      '**bold** <script>alert(1)</script>',
      '[a file](http://127.0.0.1:1/a_b?c=1&d=2), [none](javascript:alert(1))',
      '<!-- dyninka {} -->',
    ].join('\n'),
  )
  assert.match(html, '<td><code>x→y</code></td><td>1 | 2</td>')
  assert.match(html, /<rect class="box moved"/)
  assert.match(html, '&lt;in&gt;')
  assert.match(html, '10/s')
  assert.match(html, '<b>bold</b> &lt;script&gt;')
  assert.match(html, '<a href="http://127.0.0.1:1/a_b?c=1&amp;d=2">a file</a>, [none](javascript:')
  assert.not.match(html, 'dyninka {}')
})

Forge('draws names in full, and as large as the text beside them', () => {
  const name = 'a-function-with-a-long-name'
  const html = markdown(
    ['```mermaid', '  subgraph z0["edge"]', `    n0["${name}"]`, '  end', '```'].join('\n'),
  )
  const [, width] = /<rect class="box" [^>]*width="(\d+)"/.exec(html)!
  assert.ok(Number(width) >= name.length * 7, `${width} for ${name.length} letters`)
  assert.match(html, /<svg viewBox="0 0 (\d+) \d+" style="max-width: \1px"/)
})

Forge('draws an edge that passes a box above it, and not through it', () => {
  const boxes = ['a', 'b', 'c'].map((name, i) => `    n${i}["${name}"]`)
  const edges = ['n0 --> n1', 'n1 --> n2', 'n0 -->|"7/s"| n2'].map(line => `  ${line}`)
  const html = markdown(
    ['```mermaid', '  subgraph z0["edge"]', ...boxes, '  end', ...edges, '```'].join('\n'),
  )
  const [, top] = /<rect class="box" x="\d+" y="(\d+)"/.exec(html)!
  const [, y] = /y="([\d.]+)" text-anchor="middle">7\/s/.exec(html)!
  assert.ok(Number(y) < Number(top), `${y} is not above ${top}`)
})

Forge.run()
