import { createHmac } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Controlled } from './support/controlled.ts'
import { startGitServer } from './support/git-server.ts'
import { makeRepository } from './support/repository.ts'

const Webhook = suite('git push over HTTP')

const flow = `apiVersion: dyninka.dev/v1
name: far
sources:
  tick: { every: 100ms }
functions:
  count: { code: count.ts, from: tick }
sinks:
  out: { from: count, log: {} }
`
const code = (n: number) => `export default function count(): number { return ${n} }\n`

Webhook('is taken at once when GitHub or Gitea says so, long before the next poll', async () => {
  const repository = await makeRepository()
  const server = await startGitServer(repository.root)
  const url = `${server.url}/repository.git`
  await repository.publish({ 'dataflow.yaml': flow, 'count.ts': code(1) }, url)
  const controlled = await Controlled.over({
    repo: url,
    branch: 'main',
    intervalMs: 3_600_000,
    webhookSecret: 'shared',
  })
  try {
    await controlled.ready()
    for (const [value, signed] of [
      [2, (signature: string) => ({ 'x-hub-signature-256': `sha256=${signature}` })],
      [3, (signature: string) => ({ 'x-gitea-signature': signature })],
    ] as const) {
      const before = await controlled.pids()
      const commit = await repository.publish({ 'count.ts': code(value) }, url)
      const body = JSON.stringify({ ref: 'refs/heads/main', after: commit })
      const headers = signed(createHmac('sha256', 'shared').update(body).digest('hex'))
      const response = await fetch(`${controlled.url}/webhook`, { method: 'POST', body, headers })
      assert.is(response.status, 202)
      await controlled.ready(commit)
      const after = await controlled.pids()
      assert.is.not(after.count, before.count)
      assert.equal([after.tick, after.out], [before.tick, before.out])
    }
  } finally {
    await controlled.remove()
    await server.stop()
    await repository.remove()
  }
})

Webhook.run()
