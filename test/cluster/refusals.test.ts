import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type KubernetesObject, resources } from '../../controller/kubernetes/resource.ts'
import type { Problem } from '../../schema/problem.ts'
import { clusterSuite, eventually, failure, spec } from '../support/cluster-suite.ts'
import { untilHosts } from '../support/cluster-world.ts'

const { Orchestrator, at, start, stop, get, names, pods } = clusterSuite('refusals of a cluster')

Orchestrator('takes no object over that is not its own', async () => {
  const labels = { app: 'theirs' }
  await at.world.direct.apply(
    resources.Deployment,
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'etl-parse', namespace: at.world.namespace },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } },
      },
    } as KubernetesObject,
    { manager: 'somebody' },
  )
  const error = await failure(start())
  assert.is(error.reason, 'NameTaken')
  assert.match(JSON.stringify(await get(resources.Deployment)), '"image":"web"')
})

Orchestrator('says that a quota refuses pods, and goes on when it does not', async () => {
  await at.api.kubectl('create', 'quota', 'none', '-n', at.world.namespace, '--hard=pods=0')
  await start()
  const [host] = await untilHosts(at.orchestrator, hosts => hosts[0]?.obstacle !== undefined, 'an obstacle')
  assert.match(host!.obstacle!, /exceeded quota: none/)
  await at.api.kubectl('delete', 'quota', 'none', '-n', at.world.namespace)
  await pods(1)
})

Orchestrator('says what an admission policy refuses, and writes no more than it may', async () => {
  const kind = { apiVersion: 'admissionregistration.k8s.io/v1' }
  const name = `no-parse-${at.world.namespace}`
  await at.api.apply(
    {
      ...kind,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ['apps'],
              apiVersions: ['v1'],
              operations: ['CREATE', 'UPDATE'],
              resources: ['deployments'],
            },
          ],
        },
        validations: [
          { expression: `object.metadata.namespace != '${at.world.namespace}'`, message: 'not on Fridays' },
        ],
      },
    },
    {
      ...kind,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  )
  let error: Problem | undefined
  await eventually('the policy to be in force', async () => {
    error = await start().then(
      () => undefined,
      problem => problem as Problem,
    )
    if (!error) await stop(1)
    return error !== undefined
  })
  assert.match(error!.message, /cannot apply deployments\/etl-parse.*not on Fridays/)
  await at.api.kubectl('delete', 'validatingadmissionpolicybinding', name)
  await eventually('it to be allowed', () =>
    start().then(
      () => true,
      () => false,
    ),
  )
})

Orchestrator('says that a webhook cannot be asked', async () => {
  const name = `down-${at.world.namespace}`
  await at.api.apply({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'down.example.com',
        clientConfig: { url: 'https://127.0.0.1:1/no' },
        rules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['*'], resources: ['deployments'] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': at.world.namespace } },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  })
  let error: Problem | undefined
  await eventually('the webhook to be in force', async () => {
    error = await start().then(
      () => undefined,
      problem => problem as Problem,
    )
    if (!error) await stop(1)
    return error !== undefined
  })
  assert.match(error!.message, 'down.example.com')
  await at.api.kubectl('delete', 'validatingwebhookconfiguration', name)
})

Orchestrator('says that its namespace is being deleted', async () => {
  const held = { name: 'held', namespace: at.world.namespace, finalizers: ['example.com/held'] }
  await at.world.direct.create(resources.ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: held })
  await at.world.direct.delete(resources.Namespace, { name: at.world.namespace })
  const error = await failure(start())
  assert.is(error.reason, 'NamespaceTerminating')
  assert.ok(error.hint)
  await at.world.direct.merge(resources.ConfigMap, held, { metadata: { finalizers: null } })
})

Orchestrator('says that code is too large for a cluster without a registry', async () => {
  const { randomBytes } = await import('node:crypto')
  const { writeFileSync } = await import('node:fs')
  const made = at.world.workload()
  writeFileSync(join(made.code!, 'function.mjs'), randomBytes(1_000_000).toString('base64'))
  const error = await failure(at.orchestrator.apply({ action: 'start', spec: spec(made) }))
  assert.is(error.reason, 'RegistryNeeded')
  assert.is(error.disposition, 'stalled')
  writeFileSync(join(made.code!, 'function.mjs'), '// much\n'.repeat(200_000))
  await at.orchestrator.apply({ action: 'start', spec: spec(made) })
  assert.equal((await names(resources.ConfigMap)).length, 2)
})

Orchestrator.run()
