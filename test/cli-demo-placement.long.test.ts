import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Cli, cli, temporaryFolder } from './support/cli.ts'

const Demo = suite('dyninka demo --placement')

Demo('opens a pull request, merges it, moves live with nothing lost, and tells what came of it', async () => {
  const folder = await temporaryFolder()
  const demo = new Cli(['demo', '--placement', '--exit-after', '170s', '--json', '--dir', folder])
  try {
    const { code, stdout, stderr } = await demo.end()
    assert.is(code, 0, stderr)
    const said = JSON.parse(stdout)
    assert.ok(said.recordsSent > 100)
    assert.is(said.recordsDelivered, said.recordsSent)
    assert.is(said.pullRequest.merged, true)
    assert.ok(said.pullRequest.comments >= 1)
    const moves: { function: string; from: string; to: string }[] = said.moved
    assert.ok(moves.length > 0)
    // Each is where the pull request says, and nothing else has moved.
    const inOrder = (all: { function: string; to: string }[]) =>
      all.map(({ function: name, to }) => `${name} to ${to}`).toSorted()
    assert.equal(inOrder(said.pullRequest.moves), inOrder(moves))
    assert.ok(moves.every(({ from, to }) => from === 'cloud' && to.startsWith('edge-')))
    const [, predicted, realised] =
      /^Predicted: ([\d.]+) saved an hour\. Since the merge: \*\*([\d.]+)\*\*/.exec(said.realised)!
    assert.ok(Number(realised) > 0.5 * Number(predicted), said.realised)
    assert.ok(said.latencyMs.after < 0.7 * said.latencyMs.before, JSON.stringify(said.latencyMs))
    assert.match(stderr, 'Merge pull request #1')
    assert.match(stderr, /^ {2}\+ {4}placement: \{ zone: edge-\d \}$/m)
    assert.match(stderr, ', 0 lost.')
    assert.not(existsSync(join(folder, 'etl')))
  } finally {
    demo.process.kill()
    await demo.end()
  }
})

Demo('--wait leaves the merge to a person; Ctrl-C stops all of it', async () => {
  const folder = await temporaryFolder()
  const demo = new Cli(['demo', '--placement', '--wait', '--dir', folder])
  try {
    await demo.says('Merge it by the button on that page.', 120_000)
    const [page] = /http:\S+\/pulls\/1/.exec(demo.said.stdout)!
    const { origin } = new URL(page)
    const pressed = await fetch(`${page}/merge`, { method: 'POST', headers: { origin } })
    assert.match(await pressed.text(), 'Merged')
    await demo.says('Moved while records flow.', 60_000)
    demo.process.kill('SIGINT')
    const { code, stdout } = await demo.end()
    assert.is(code, 130)
    assert.match(stdout, 'Stopped the controller, its broker, the links, the forge and all functions.')
    assert.match(stdout, ', 0 lost.')
    assert.not(existsSync(folder))
  } finally {
    demo.process.kill('SIGKILL')
    await demo.end()
    await cli(['stop', '--state', join(folder, '.dyninka')])
  }
})

Demo('says so, and exits 1, where the time was too short for it', async () => {
  const folder = await temporaryFolder()
  const { code, stderr } = await cli([
    'demo',
    '--placement',
    '--exit-after',
    '12s',
    '--json',
    '--dir',
    folder,
  ])
  assert.is(code, 1)
  assert.match(stderr, 'The time was over before all was told')
  assert.is((await cli(['demo', '--wait'])).code, 2)
})

Demo.run()
