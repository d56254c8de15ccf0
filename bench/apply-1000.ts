import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostBundle } from '../builder/index.ts'
import { controllerFlags } from '../controller/controller-flags.ts'
import { type ApiServer, startApiServer } from '../test/cluster/api-server.ts'
import { AuditLog, ClusterWorld } from '../test/support/cluster-world.ts'
import { type Bench, median } from './figure.ts'
import type { WideAnswer, WideOptions, WideRequest } from './support/wide-controller.ts'

const functions = 1_000
const program = new URL('./support/wide-controller.ts', import.meta.url)

/** Passes over a dataflow of 1,000 functions against a real API server alone: it keeps objects, and nothing makes pods
 *  of them. Writes are what its audit log says; the memory is that of a process with the controller's parts (reconciler,
 *  orchestrator and client, with the broker in memory) that is started as its image starts it. */
export default {
  name: 'apply-1000',
  async run({ runs }) {
    const folder = mkdtempSync(join(tmpdir(), 'dyninka-'))
    const audit = new AuditLog(folder)
    const api = await startApiServer({ args: audit.args })
    const serviceAccount = await serviceAccountOf(api)
    const world = await ClusterWorld.make({ serviceAccount })
    const { digest, path } = await hostBundle(folder)
    const { namespace } = world
    const options: WideOptions = {
      functions,
      store: folder,
      runtime: { digest, path },
      namespace,
      serviceAccount,
    }
    const controller = fork(program, [JSON.stringify(options)], { execArgv: controllerFlags })
    const ended = once(controller, 'exit').then(() => Promise.reject(new Error('the controller ended')))
    ended.catch(() => {}) // told to who waits for an answer
    const told = () => Promise.race([once(controller, 'message'), ended])
    const pass = async (request: WideRequest = { do: 'pass' }) => {
      controller.send(request)
      const [answer] = await told()
      return answer as WideAnswer
    }
    try {
      await told() // it is ready
      const first = await pass()
      const written = (await audit.writes(namespace)).length
      await pass()
      const idle: number[] = []
      for (let run = 0; run < runs; run++) idle.push((await pass()).seconds)
      const writesIdle = (await audit.writes(namespace)).length - written
      const changed: number[] = []
      let writesChanged = 0
      for (let run = 0; run < runs; run++) {
        const before = (await audit.writes(namespace)).length
        const { seconds } = await pass({ do: 'change', function: 'f500', code: `f500-${run}` })
        changed.push(seconds)
        writesChanged = Math.max(writesChanged, (await audit.writes(namespace)).length - before)
      }
      const { memoryMiB } = await pass()
      return [
        {
          name: `first apply of ${functions} functions`,
          value: first.seconds,
          unit: 's',
          goal: 30,
          better: 'lower',
        },
        { name: 'requests for it that write', value: written, unit: '', better: 'lower' },
        {
          name: 'memory of the process, at most',
          value: memoryMiB,
          unit: 'MiB',
          goal: 150,
          better: 'lower',
        },
        {
          name: 'pass with one function changed',
          value: median(changed),
          unit: 's',
          goal: 1,
          better: 'lower',
        },
        {
          name: 'requests for it that write: code, Deployment',
          value: writesChanged,
          unit: '',
          goal: 2,
          better: 'lower',
        },
        { name: 'pass with nothing changed', value: median(idle), unit: 's', goal: 0.3, better: 'lower' },
        { name: 'requests for it that write ', value: writesIdle, unit: '', goal: 0, better: 'lower' },
      ]
    } finally {
      controller.kill()
      await world.close()
      await api.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  },
} satisfies Bench

/** Folder with the rights of a pod, as a cluster would mount it. */
async function serviceAccountOf(api: ApiServer): Promise<string> {
  const [host, port] = new URL(api.url).host.split(':')
  process.env.KUBERNETES_SERVICE_HOST = host
  process.env.KUBERNETES_SERVICE_PORT = port
  await api.kubectl('create', 'serviceaccount', 'controller')
  const binding = ['clusterrolebinding', 'controller', '--clusterrole=cluster-admin']
  await api.kubectl('create', ...binding, '--serviceaccount=default:controller')
  const certificate = 'jsonpath={.clusters[0].cluster.certificate-authority-data}'
  const folder = join(api.folder, 'service-account')
  mkdirSync(folder)
  writeFileSync(join(folder, 'token'), await api.kubectl('create', 'token', 'controller'))
  writeFileSync(join(folder, 'namespace'), 'default')
  const encoded = await api.kubectl('config', 'view', '--raw', '-o', certificate)
  writeFileSync(join(folder, 'ca.crt'), Buffer.from(encoded, 'base64'))
  return folder
}
