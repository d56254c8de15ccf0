import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { until } from '../support/controlled.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import { sweep } from './ledger.ts'

const ApiServers = suite('API server')
let api: ApiServer

ApiServers.before(async () => {
  api = await startApiServer({ controllers: true })
})
ApiServers.after(async () => {
  await api?.stop()
})

ApiServers('is a Kubernetes of the version that go.mod names', async () => {
  const { serverVersion, clientVersion } = JSON.parse(await api.kubectl('version', '-o', 'json'))
  const [, version] = /k8s\.io\/kubernetes (v\S+)/.exec(
    readFileSync(new URL('kubernetes/go.mod', import.meta.url), 'utf8'),
  )!
  assert.is(serverVersion.gitVersion, version)
  assert.is(clientVersion.gitVersion, version)
})

ApiServers('has controllers: a namespace gets its service account, and goes with what is in it', async () => {
  await api.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'short' } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one', namespace: 'short' } },
  )
  await api.kubectl('wait', '-n', 'short', '--for=create', 'serviceaccount/default', '--timeout=120s')
  await api.kubectl('delete', 'namespace', 'short', '--timeout=120s')
  assert.is(await api.kubectl('get', 'configmap', '-n', 'short', '-o', 'name'), '')
})

ApiServers('lets others do what they were given, and nothing else', async () => {
  const kubeconfig = await api.kubeconfigOf('reader', ['readers'])
  const as = (...args: string[]) => api.kubectl('--kubeconfig', kubeconfig, ...args)
  const denied = await as('get', 'pods').catch(String)
  assert.match(denied, /"reader" cannot list resource "pods"/)
  await api.kubectl('create', 'clusterrolebinding', 'readers', '--clusterrole=view', '--group=readers')
  // It comes to know of a binding a moment after it has taken it.
  await until(
    'they may',
    () =>
      as('get', 'pods', '-o', 'name').then(
        said => said === '',
        () => false,
      ),
    undefined,
    60_000,
  )
  const deleted = await as('delete', 'configmap', 'kube-root-ca.crt').catch(String)
  assert.match(deleted, /"reader" cannot delete resource "configmaps"/)
})

ApiServers('has what it had when it starts again', async () => {
  await api.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept' } })
  await api.kill()
  assert.match(await api.kubectl('get', 'configmap', 'kept').catch(String), /refused/)
  await api.restart()
  assert.is(await api.kubectl('get', 'configmap', 'kept', '-o', 'name'), 'configmap/kept\n')
})

ApiServers('answers nothing while it is frozen', async () => {
  api.freeze()
  const silent = await api.kubectl('get', 'namespaces', '--request-timeout=1s').catch(String)
  assert.match(silent, /timeout|deadline/i)
  api.thaw()
  assert.match(await api.kubectl('get', 'namespaces', '-o', 'name'), /namespace\/default/)
})

ApiServers('runs beside another one, which leaves nothing when it stops', async () => {
  const other = await startApiServer()
  assert.is.not(other.url, api.url)
  await other.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'elsewhere' } })
  assert.match(await api.kubectl('get', 'configmap', 'elsewhere').catch(String), /not found/)
  assert.is(processesWith(other.folder).length, 2)
  await other.stop()
  assert.equal(processesWith(other.folder), [])
  assert.not(existsSync(other.folder))
})

ApiServers(
  'leaves no process when its test is killed, and its folder only until the next start',
  async () => {
    const source = `
    const { startApiServer } = await import(${JSON.stringify(new URL('api-server.ts', import.meta.url).href)})
    console.log((await startApiServer()).folder)
    setInterval(() => {}, 1_000)
  `
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const folder = String((await once(child.stdout!, 'data'))[0]).trim()
    assert.is(processesWith(folder).length, 2)
    child.kill('SIGKILL')
    await once(child, 'exit')
    for (const end = Date.now() + 60_000; processesWith(folder).length > 0 && Date.now() < end; )
      await new Promise(resolve => setTimeout(resolve, 50))
    assert.equal(processesWith(folder), [])
    assert.ok(existsSync(folder))
    await sweep()
    assert.not(existsSync(folder))
  },
)

/** Command lines of processes that were given a file of that folder. */
function processesWith(folder: string): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        return '' // it has ended
      }
    })
    .filter(command => command.includes(folder))
}

ApiServers.run()
