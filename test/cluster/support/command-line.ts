import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import type { Status } from '../../../cli/api/status.ts'
import { type KubernetesObject, resources } from '../../../controller/kubernetes/resource.ts'
import { cli } from '../../support/cli.ts'
import { until } from '../../support/controlled.ts'
import { Front, makeNamespace, outerAddress } from './front.ts'
import type { Replica } from './replica.ts'
import { Stage } from './stage.ts'

/** Of the Dataflows. */
export const namespace = 'flows'
const flow = (name: string) => `apiVersion: dyninka.dev/v1
name: ${name}
sources:
  tick: { every: 250ms }
functions:
  first: { code: first.ts, from: tick, retry: { attempts: 1 } }
sinks:
  out: { from: first, log: {} }
`
export const first = `import type { Context } from 'dyninka'
export default function first(_: unknown, ctx: Context): { n: number } {
  if (ctx.record.id.endsWith(':3')) throw new Error('not three')
  return { n: 1 }
}
`

export interface Role extends KubernetesObject {
  rules: { resources: string[]; verbs: string[] }[]
}

/** What people have in front of them: a controller of a cluster with one Dataflow, \`etl\`, which has given up a record, and Ada,
 *  who may do what docs/operations.md gives to people. In the repository there is \`second\` too. */
export class CommandLine {
  readonly stage: Stage
  readonly front: Front
  readonly leader: Replica
  readonly folder: string
  /** Kubeconfig of Ada, with a context whose namespace is that of the Dataflows. */
  ada = ''

  static async open(): Promise<CommandLine> {
    const folder = await mkdtemp(join(tmpdir(), 'dyninka-line-'))
    const stage = await Stage.open()
    const front = await Front.open(stage)
    await makeNamespace(stage.client, namespace)
    const commit = await stage.repository.publish(
      {
        'etl/dataflow.yaml': flow('etl'),
        'etl/first.ts': first,
        'second/dataflow.yaml': flow('other'),
        'second/first.ts': first,
      },
      stage.url,
    )
    await stage.apply('etl', { source: { path: 'etl' } }, { namespace })
    const leader = await replicaBehind(stage, front)
    const line = new CommandLine({ stage, front, leader, folder })
    await front.leadTo(leader.url)
    await line.ready('etl', commit)
    await line.#gaveUp()
    line.ada = await line.kubeconfigOf('ada')
    await line.grant('ada', ...(await documented()))
    return line
  }

  private constructor(parts: Pick<CommandLine, 'stage' | 'front' | 'leader' | 'folder'>) {
    this.stage = parts.stage
    this.front = parts.front
    this.leader = parts.leader
    this.folder = parts.folder
  }

  async close(): Promise<void> {
    await this.stage.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  replica = () => replicaBehind(this.stage, this.front)

  async ready(name: string, commit = ''): Promise<void> {
    let last: unknown
    await until(
      `${name} runs ${commit}`,
      async () => {
        const { status } = (await this.stage.get(name, namespace))!
        last = status
        const ready = status?.conditions?.find(({ type }) => type === 'Ready')
        return ready?.status === 'True' && status?.revision?.includes(commit) === true
      },
      () => JSON.stringify(last, null, 1),
      120_000,
    )
  }

  async #gaveUp(): Promise<void> {
    await until(
      'a record was given up',
      async () => {
        const headers = { 'x-dyninka-token': await this.token() }
        const response = await fetch(`${this.leader.url}/api/status`, { headers })
        const { dataflows } = (await response.json()) as Status
        return dataflows[0]?.functions.some(({ deadLetters }) => deadLetters === 1) === true
      },
      () => '',
      120_000,
    )
  }

  /** A kubeconfig with a context \`test\`, of the namespace of the Dataflows. */
  kubeconfigOf = async (user: string): Promise<string> => {
    const text = await readFile(await this.stage.api.kubeconfigOf(user), 'utf8')
    const config = JSON.parse(text) as { contexts: { context: Record<string, string> }[] }
    config.contexts[0]!.context.namespace = namespace
    const file = join(this.folder, `${user}.kubeconfig`)
    await writeFile(file, JSON.stringify(config))
    return file
  }

  async grant(user: string, ...roles: Role[]): Promise<void> {
    const rbac = 'rbac.authorization.k8s.io'
    for (const role of roles) {
      const metadata = { ...role.metadata, name: `${user}-${role.metadata.name}` }
      const binding = {
        apiVersion: role.apiVersion,
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: rbac, kind: 'Role', name: metadata.name },
        subjects: [{ apiGroup: rbac, kind: 'User', name: user }],
      }
      const { apiVersion } = role
      const { client } = this.stage
      await client.apply({ apiVersion, kind: 'Role', plural: 'roles' }, { ...role, metadata })
      await client.apply({ apiVersion, kind: 'RoleBinding', plural: 'rolebindings' }, binding)
    }
  }

  /** As that user, in the namespace of the context. */
  as = (kubeconfig: string, ...args: string[]) => cli([...args, '--kubeconfig', kubeconfig])

  /** Asks a replica itself, as a controller of one machine is asked. */
  direct = async (...args: string[]) =>
    cli([...args, '--url', this.leader.url], { env: { DYNINKA_TOKEN: await this.token() } })

  async token(): Promise<string> {
    const place = { name: 'dyninka-etl-access', namespace }
    const secret = await this.stage.client.get<KubernetesObject & { data: { token: string } }>(
      resources.Secret,
      place,
    )
    return Buffer.from(secret!.data.token, 'base64').toString()
  }
}

const replicaBehind = (stage: Stage, front: Front) =>
  stage.replica({ ownNamespace: front.namespace, service: front.service, listen: `${outerAddress()}:0` })

/** The Roles that docs/operations.md has for people, in the namespaces of this test. */
export async function documented(): Promise<Role[]> {
  const text = await readFile(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  const [, yaml] = /```yaml\n(apiVersion: rbac.*?)```/s.exec(text)!
  return loadAll(yaml!) as Role[]
}
