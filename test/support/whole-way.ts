import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import * as assert from 'uvu/assert'
import { readRetained } from '../../controller/broker/read-retained.ts'
import { wireTransport } from '../../runtime/wire-transport.ts'
import { sessionId } from '../../schema/topics.ts'
import { Controlled, until } from './controlled.ts'
import { startGitServer } from './git-server.ts'
import { type Files, makeRepository } from './repository.ts'

const flow = (second: string, more = '') => `apiVersion: dyninka.dev/v1
name: way
sources:
  tick: { every: 100ms }
functions:
  first: { code: first.ts, from: tick }
  second: { code: second.ts, from: ${second} }
${more}sinks:
  out: { from: second, log: {} }
`
const between = '  between: { code: between.ts, from: first }\n'
const code = (value: number) =>
  `export default function f(): { value: number } { return { value: ${value} } }\n`

/** Deploys, swaps, rewires, refuses, recovers and removes with a real `git push`; in the middle of each step the controller
 *  is killed. */
export async function goTheWholeWay(over: 'a path' | 'HTTP'): Promise<void> {
  const repository = await makeRepository()
  const server = await startGitServer(repository.root)
  const url = over === 'HTTP' ? `${server.url}/repository.git` : repository.bare
  const controlled = await Controlled.over({ repo: url, branch: 'main', intervalMs: 1_000 })
  const dieAt = async (what: string, holds: () => boolean | Promise<boolean>) => {
    await until(`${what}, and the controller is killed`, holds)
    await controlled.kill()
    await controlled.start()
  }
  /** Killed as soon as it has anything of the commit. */
  const publish = async (files: Files, middle: string) => {
    const commit = await repository.publish(files, url)
    await dieAt(middle, () =>
      controlled.events.some(
        event => event.type === middle && ('revision' in event ? event.revision.includes(commit) : true),
      ),
    )
    return commit
  }
  try {
    // First deploy: some hosts run, some do not.
    await controlled.ready(
      await publish({ 'dataflow.yaml': flow('first'), 'first.ts': code(1), 'second.ts': code(1) }, 'started'),
    )
    const first = await controlled.pids()
    assert.is(controlled.processes().length, 4)

    // One function changes, and the others keep their process.
    await controlled.ready(await publish({ 'second.ts': code(2) }, 'built'))
    const second = await controlled.pids()
    assert.is.not(second.second, first.second)
    assert.equal({ ...second, second: 0 }, { ...first, second: 0 })

    // An edge is rewired: nothing starts but the new function.
    await controlled.ready(
      await publish({ 'dataflow.yaml': flow('between', between), 'between.ts': code(1) }, 'started'),
    )
    const { between: added, ...third } = await controlled.pids()
    assert.ok(added)
    assert.equal(third, second)

    // A bad push is refused, and still is after the end of the controller; the next good one recovers.
    const bad = await publish({ 'dataflow.yaml': flow('nowhere', between) }, 'findings')
    await until('it is refused again', async () =>
      (await controlled.status())!.conditions.some(
        ({ type, status, message }) => type === 'Stalled' && status === 'True' && message.includes(bad),
      ),
    )
    assert.equal(await controlled.pids(), { ...third, between: added })
    await controlled.ready(await publish({ 'dataflow.yaml': flow('between', between) }, 'fetched'))
    assert.equal(await controlled.pids(), { ...third, between: added })

    // A function is removed, then all.
    await controlled.ready(await publish({ 'dataflow.yaml': flow('first') }, 'fetched'))
    await until('its process is gone', () => controlled.processes().length === 4)
    assert.equal(await controlled.pids(), second)
    const client = await connectAsync(controlled.brokerUrl)
    assert.not.ok(
      [...(await readRetained(client, ['dyninka/way/#'])).keys()].some(topic => topic.includes('between')),
    )
    await publish({ 'dataflow.yaml': null }, 'fetched')
    await until('it is gone', async () => (await controlled.status('way')) === undefined)
    assert.equal(controlled.processes(), [])
    await client.endAsync()
    const reader = await connectAsync(controlled.brokerUrl)
    assert.equal([...(await readRetained(reader, ['dyninka/#'])).keys()], [])
    await reader.endAsync()
    for (const node of ['first', 'second', 'between', 'out'])
      assert.not.ok(await hasSession(controlled.brokerUrl, sessionId('way', node, 0)), node)
    assert.not.ok(existsSync(join(controlled.state, 'inventory/way.json')))
  } finally {
    await controlled.remove()
    await server.stop()
    await repository.remove()
  }
}

async function hasSession(url: string, clientId: string): Promise<boolean> {
  const session = await wireTransport(url).connect({ clientId, clean: false, onMessage() {}, onClose() {} })
  await session.close()
  return session.sessionPresent
}
