import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { resources } from '../../controller/kubernetes/resource.ts'
import { until } from '../support/controlled.ts'
import { TestForge } from '../support/forge/forge.ts'
import { code, files, flow, Stage } from './support/stage.ts'

const Follow = suite('a Dataflow that is followed')
let stage: Stage
let commit = ''

Follow.before(async () => {
  stage = await Stage.open()
  commit = await stage.repository.publish(files('way'), stage.url)
  await stage.replica()
})
Follow.after(async () => {
  await stage?.close()
})

Follow('runs what its repository says, and tells so', async () => {
  await stage.apply('way')
  await stage.api.kubectl('wait', '--for=condition=Ready', 'dataflow/way', '--timeout=120s')
  assert.equal(await stage.conditions('way'), {
    Ready: 'True Running',
    Reconciling: 'False Done',
    Stalled: 'False ValidRevision',
  })
  const { metadata, status } = (await stage.get('way'))!
  assert.is(status!.observedGeneration, metadata.generation)
  assert.is(status!.dataflow, 'way')
  assert.is(status!.revision, `main@sha1:${commit}`)
  assert.equal(
    status!.functions!.map(({ name, kind, phase, hosts }) => [name, kind, phase, hosts]),
    [
      ['tick', 'source', 'Running', 1],
      ['first', 'function', 'Running', 1],
      ['out', 'sink', 'Running', 1],
    ],
  )
  assert.is(stage.pids().length, 3)
})

Follow('shows in a table what a person wants to know', async () => {
  const [head, line] = (await stage.api.kubectl('get', 'dataflows')).trim().split('\n')
  assert.match(head!, /^NAME +READY +STATUS +REVISION +AGE$/)
  assert.match(line!, /^way +True +3 of 3 run main@sha1:\w+ +main@sha1:\w+ +(\d+m)?(\d+s)?$/)
})

Follow('has its story told by kubectl describe, and each thing once', async () => {
  const events = async () => (await stage.events('way')).map(({ type, reason }) => `${type} ${reason}`)
  await until('the event is there', async () => (await events()).length > 0)
  assert.equal(await events(), ['Normal Ready'])
  const described = await stage.api.kubectl('describe', 'dataflow', 'way')
  assert.match(
    described,
    /Normal +Ready +\S+ +dyninka.dev\/controller +way runs main@sha1:\w+, [\d.]+ s after/,
  )
})

Follow('keeps in the cluster what it must not lose', async () => {
  const { inventory } = (await stage.get('way'))!.status!
  assert.is(inventory!.sessions, 3) // of each node
  const { metadata } = (await stage.client.get(resources.ConfigMap, {
    name: inventory!.configMap,
    namespace: 'default',
  }))!
  assert.equal(
    metadata.ownerReferences!.map(({ kind, name }) => `${kind}/${name}`),
    ['Dataflow/way'],
  )
})

Follow('follows a push', async () => {
  const before = stage.pids()
  commit = await stage.repository.publish({ 'first.ts': code(2) }, stage.url)
  await stage.ready('way', commit)
  await stage.swapped(before, 2)
  const history = (await stage.get('way'))!.status!.history!
  assert.equal(
    history.map(({ result, built, applied }) => ({ result, built, applied })),
    [
      { result: 'Succeeded', built: 1, applied: 3 },
      { result: 'Succeeded', built: 1, applied: 1 },
    ],
  )
})

Follow('refuses a wrong revision, and says where it is wrong', async () => {
  const before = stage.pids()
  const bad = await stage.repository.publish({ 'dataflow.yaml': flow('way', ', frm: x') }, stage.url)
  await stage.until('way', 'Stalled', 'True InvalidRevision')
  assert.is((await stage.conditions('way')).Ready, 'False InvalidRevision')
  const message = await stage.message('way', 'Ready')
  assert.match(message, /dataflow\.yaml:6:\d+/)
  assert.match(message, `What ran keeps running: main@sha1:${commit}`)
  assert.equal(stage.pids(), before)
  await until('the event is there', async () =>
    (await stage.events('way')).some(
      ({ reason, note }) => reason === 'InvalidRevision' && note.includes(bad),
    ),
  )
  commit = await stage.repository.publish({ 'dataflow.yaml': flow('way') }, stage.url)
  await stage.ready('way', commit)
  assert.equal(stage.pids(), before)
})

Follow('writes nothing while nothing changes', async () => {
  const version = async () => (await stage.get('way'))!.metadata.resourceVersion
  // What it still has to say of the push before may come late.
  await until(
    'three looks at the repository bring no write',
    async () => {
      const before = await version()
      await sleep(3_500)
      return (await version()) === before
    },
    undefined,
    30_000,
  )
})

Follow('looks at once when an annotation asks for it', async () => {
  await stage.apply('way', { source: { interval: '1h' } })
  await until('the new spec is in effect', async () => {
    const { metadata, status } = (await stage.get('way'))!
    return status!.observedGeneration === metadata.generation
  })
  await stage.ready('way', commit)
  commit = await stage.repository.publish({ 'first.ts': code(3) }, stage.url)
  await stage.api.kubectl('annotate', 'dataflow/way', 'dyninka.dev/reconcile=now')
  await stage.ready('way', commit)
  await until('it says so', async () => (await stage.get('way'))!.status!.lastHandledReconcile === 'now')
})

Follow('leaves all as it is while it is suspended', async () => {
  await stage.apply('way', { suspend: true })
  await stage.until('way', 'Reconciling', 'False Suspended')
  assert.is((await stage.conditions('way')).Ready, 'True Running')
  const before = stage.pids()
  const next = await stage.repository.publish({ 'first.ts': code(4) }, stage.url)
  await sleep(2_500)
  assert.is((await stage.get('way'))!.status!.revision, `main@sha1:${commit}`)
  assert.equal(stage.pids(), before)
  await stage.apply('way', { suspend: false })
  await stage.ready('way', next)
})

Follow('tells a forge what becomes of a commit, once it may', async () => {
  const forge = await TestForge.start()
  forge.isGitea = true
  await symlink('.', join(stage.repository.root, 'ada')) // a forge's URLs say whose a repository is
  await stage.apply('way', {
    source: { url: `${stage.git.url}/ada/repository.git` },
    forge: { type: 'gitea', url: forge.url, secretRef: { name: 'forge' } },
  })
  await stage.until('way', 'Reconciling', 'True SecretNotFound')
  await stage.api.kubectl('create', 'secret', 'generic', 'forge', '--from-literal=token=wrong')
  await stage.until('way', 'Unreported', 'True ForgeAuthenticationFailed')
  assert.is((await stage.conditions('way')).Ready, 'True Running')
  await stage.api.kubectl('patch', 'secret', 'forge', '-p', `{"stringData":{"token":"${forge.token}"}}`)
  const next = await stage.repository.publish({ 'first.ts': code(5) }, stage.url)
  await stage.ready('way', next)
  const last = () => forge.said(next, 'dyninka/way').at(-1) ?? ''
  await until('the forge is told', () => last().startsWith('success: '), last, 60_000)
  await until('it is said no more', async () => (await stage.conditions('way')).Unreported === undefined)
  assert.equal(
    (await stage.events('way'))
      .filter(({ reason }) => reason.startsWith('Forge'))
      .map(({ reason }) => reason),
    ['ForgeAuthenticationFailed'],
  )
  assert.equal(forge.faults, [])
  await stage.apply('way')
  await stage.ready('way', next)
  await forge.stop()
})

Follow('takes one dataflow of a repository with several, when it is named', async () => {
  const at = (folder: string, name: string) =>
    Object.fromEntries(Object.entries(files(name)).map(([path, text]) => [`${folder}/${path}`, text]))
  const next = await stage.repository.publish({ ...at('one', 'one'), ...at('two', 'two') }, stage.url)
  await stage.apply('several', { source: { path: '' } })
  await stage.until('several', 'Stalled', 'True SeveralDataflows')
  assert.match(await stage.message('several', 'Stalled'), 'spec.source.path')
  await stage.apply('several', { source: { path: 'one' } })
  await stage.ready('several', next)
  assert.is((await stage.get('several'))!.status!.dataflow, 'one')
})

Follow.run()
