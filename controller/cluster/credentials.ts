import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Problem } from '../../schema/problem.ts'
import type { ForgeOptions } from '../forge/forge.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { type KubernetesObject, resources } from '../kubernetes/resource.ts'
import type { ControllerOptions } from '../options.ts'
import type { DataflowResource } from './resource.ts'

interface Secret extends KubernetesObject {
  data?: Record<string, string>
}

/** What a Dataflow's Secrets hold. */
export interface Credentials {
  git: NonNullable<ControllerOptions['git']>
  /** URL of the broker with user and password, where it is in a Secret. */
  brokerUrl?: string
  /** The same of brokers of zones, by zone. */
  zoneUrls: Readonly<Record<string, string>>
  /** Of the registry, as Docker keeps it. */
  dockerConfig?: string
  /** With which the forge is told of commits. */
  forge?: ForgeOptions['auth']
  /** Values of the secrets of functions, by name. */
  secrets: ReadonlyMap<string, string>
  /** Changes with any of them. */
  version: string
}

interface ReadOptions {
  /** For what Git wants as files. */
  folder: string
  signal: AbortSignal
  /** Nothing runs any more: the broker's alone are needed. */
  isLeaving?: boolean
}

/** Reads the Secrets that a Dataflow names. @throws Problem */
export async function readCredentials(
  client: Pick<KubernetesClient, 'get'>,
  { metadata, spec }: DataflowResource,
  { folder, signal, isLeaving = false }: ReadOptions,
): Promise<Credentials> {
  const { source, broker, registry, forge, secretRef } = spec
  const read = (path: string, ref: { name: string } | undefined) =>
    ref && readSecret(client, { path, name: ref.name, namespace: metadata.namespace!, signal })
  const zones = isLeaving ? [] : (broker.zones ?? []).filter(({ secretRef }) => secretRef)
  const [git, verify, account, pull, told, functions, ...ofZones] = await Promise.all([
    isLeaving ? undefined : read('spec.source.secretRef', source.secretRef),
    isLeaving ? undefined : read('spec.source.verify.secretRef', source.verify?.secretRef),
    read('spec.broker.secretRef', broker.secretRef),
    isLeaving ? undefined : read('spec.registry.secretRef', registry?.secretRef),
    isLeaving ? undefined : read('spec.forge.secretRef', forge?.secretRef),
    isLeaving ? undefined : read('spec.secretRef', secretRef),
    ...zones.map(({ zone, secretRef }) => read(`spec.broker.zones[${zone}].secretRef`, secretRef)),
  ])
  const versions = [git, verify, account, pull, told, functions, ...ofZones].map(
    secret => secret?.version ?? '',
  )
  return {
    git: {
      ...(git && (isHttp(source.url) ? { credentials: passwordIn(git) } : { ssh: await keyIn(git, folder) })),
      ...(verify && {
        requireSignature: {
          allowedSigners: await fileOf(folder, 'allowed_signers', valueIn(verify, 'allowed_signers')),
        },
      }),
    },
    ...(account && { brokerUrl: valueIn(account, 'url').trim() }),
    zoneUrls: Object.fromEntries(zones.map(({ zone }, i) => [zone, valueIn(ofZones[i]!, 'url').trim()])),
    ...(pull && { dockerConfig: valueIn(pull, '.dockerconfigjson') }),
    ...(told && { forge: forgeIn(told) }),
    secrets: functions?.values ?? new Map(),
    version: versions.join(' '),
  }
}

interface Read {
  name: string
  values: Map<string, string>
  version: string
}

const isHttp = (url: string) => /^https?:/.test(url)

async function readSecret(
  client: Pick<KubernetesClient, 'get'>,
  { path, name, namespace, signal }: { path: string; name: string; namespace: string; signal: AbortSignal },
): Promise<Read> {
  const secret = await client.get<Secret>(resources.Secret, { name, namespace, signal })
  if (!secret) {
    throw new Problem('SecretNotFound', `there is no Secret ${name}, which ${path} names`, {
      disposition: 'waiting',
      hint: `Create it in the namespace ${namespace}.`,
    })
  }
  const { uid, resourceVersion } = secret.metadata
  const values = Object.entries(secret.data ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, 'base64').toString()] as const,
  )
  return { name, values: new Map(values), version: `${uid}/${resourceVersion}` }
}

function valueIn({ name, values }: Read, key: string): string {
  const value = values.get(key)
  if (value) return value
  throw new Problem('SecretIncomplete', `the Secret ${name} has no ${key}`, {
    disposition: 'waiting',
    hint: `Add the key ${key} to it; it has ${[...values.keys()].join(', ') || 'none'}.`,
  })
}

const passwordIn = (secret: Read) => ({
  username: valueIn(secret, 'username'),
  password: valueIn(secret, 'password'),
})

const forgeIn = (secret: Read): ForgeOptions['auth'] =>
  secret.values.has('appId')
    ? { appId: valueIn(secret, 'appId').trim(), privateKey: valueIn(secret, 'privateKey') }
    : { token: valueIn(secret, 'token').trim() }

async function keyIn(secret: Read, folder: string) {
  const identity = valueIn(secret, 'identity')
  const knownHosts = valueIn(secret, 'known_hosts')
  return {
    keyFile: await fileOf(folder, 'identity', identity.endsWith('\n') ? identity : `${identity}\n`),
    knownHostsFile: await fileOf(folder, 'known_hosts', knownHosts),
  }
}

async function fileOf(folder: string, name: string, content: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, name)
  await writeFile(path, content, { mode: 0o600 })
  return path
}
