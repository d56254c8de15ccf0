import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { resources } from '../../controller/kubernetes/resource.ts'
import { clusterSuite, eventually, failure } from '../support/cluster-suite.ts'

const { Orchestrator, at, start, names, writes, pods } = clusterSuite('outages of an API server')

Orchestrator('applies nothing twice when answers get lost', async () => {
  at.proxy.fail({ on: /PATCH .*deployments/, cut: true })
  at.proxy.fail({ on: /PATCH .*configmaps/, status: 429, body: {}, headers: { 'retry-after': '0' } })
  await start()
  await pods(1)
  assert.equal(await names(resources.Deployment), ['etl-parse'])
  const deployments = (await writes()).filter(line => line.includes('deployments'))
  assert.is(deployments.length, 2, 'the one whose answer was lost, and the one that found it done')
  assert.equal(
    (await at.orchestrator.observe('etl')).map(({ generation }) => generation),
    [1],
  )
})

Orchestrator('fails a change that the server fails, and makes it whole the next time', async () => {
  at.proxy.fail({ on: /PATCH .*deployments/, status: 500, body: { message: 'etcdserver: no leader' } })
  const error = await failure(start())
  assert.match(error.message, /cannot apply deployments\/etl-parse.*no leader/)
  assert.equal(await at.orchestrator.observe('etl'), [])
  const before = (await writes()).length
  await start()
  assert.equal((await writes()).slice(before), ['patch deployments/etl-parse'])
})

Orchestrator('knows what it missed once a silent server speaks again', async () => {
  await start()
  await pods(1)
  at.proxy.freeze()
  await at.api.kubectl('scale', '-n', at.world.namespace, 'deployment/etl-parse', '--replicas=3')
  await at.api.kubectl('delete', 'networkpolicy', '-n', at.world.namespace, '--all')
  await sleep(500)
  at.proxy.thaw()
  await eventually('what was changed to be put right', async () => {
    const policies = await names(resources.NetworkPolicy)
    const hosts = await at.orchestrator.observe('etl')
    return policies.length === 1 && hosts.filter(({ phase }) => phase !== 'stopping').length === 1
  })
})

Orchestrator('goes on where it was when the server has been killed', async () => {
  await start()
  const [pod] = await pods(1)
  await at.api.kill()
  assert.is((await failure(start({ fingerprint: 'sha256:two' }, 2))).reason, 'ApiUnreachable')
  assert.equal(
    (await at.orchestrator.observe('etl')).map(({ id }) => id),
    [pod!.id],
  )
  await at.api.restart()
  await start({ fingerprint: 'sha256:two' }, 2)
  await pods(2)
})

Orchestrator.run()
