import { isDeepStrictEqual } from 'node:util'
import type { KeptWorkload, Setting, Workload } from '../orchestrator.ts'
import { annotations } from './names.ts'
import type { Deployment } from './objects.ts'
import type { BrokerAccess, SecretKey } from './options.ts'

/** All that the objects of one node of the graph are made from. It is kept on the Deployment, so that a controller that
 *  knows nothing else can tell what has drifted, and put it right. */
export interface WorkloadRecord {
  v: 1
  name: string
  generation: number
  /** As many as were asked for; an autoscaler may run more, or fewer. */
  replicas: number
  workload: KeptWorkload
  /** Without user and password, and where the whole of it is. */
  broker: { url: string; secret?: SecretKey }
  /** The same of the brokers of zones, by zone. */
  zones?: { urls: Record<string, string>; secret: SecretKey }
  /** Reference of the image that holds code and host; code comes from a ConfigMap when absent. */
  image?: string
  /** Of the generation that worked when this one came: it goes on if this one never takes over. */
  before?: Omit<WorkloadRecord, 'before'>
}

export function recordOf(
  name: string,
  { code: _, host: __, replicas, ...workload }: Workload,
  { generation, broker, image }: { generation: number; broker: BrokerAccess; image?: string | undefined },
): WorkloadRecord {
  const { zones } = broker
  const secret = broker.secretOf?.(workload.flow, workload.node)
  return {
    v: 1,
    name,
    generation,
    replicas,
    workload,
    broker: { url: bare(broker.url), ...(secret && { secret }) },
    ...(zones && {
      zones: {
        urls: Object.fromEntries(
          Object.entries(zones.urls)
            .map(([zone, url]) => [zone, bare(url)] as const)
            .toSorted(([a], [b]) => (a < b ? -1 : 1)),
        ),
        secret: zones.secretOf(workload.flow, workload.node),
      },
    }),
    ...(image !== undefined && { image }),
  }
}

function bare(text: string): string {
  const url = new URL(text)
  url.username = ''
  url.password = ''
  return url.href
}

/** @returns undefined when it isn't there, or somebody has changed it into something else */
export function readRecord(deployment: Deployment): WorkloadRecord | undefined {
  if (!known.has(deployment)) known.set(deployment, parse(deployment))
  return known.get(deployment)
}

/** Objects that are known are never changed, but replaced. */
const known = new WeakMap<Deployment, WorkloadRecord | undefined>()

function parse({ metadata }: Deployment): WorkloadRecord | undefined {
  try {
    const record = JSON.parse(metadata.annotations?.[annotations.workload] ?? '') as WorkloadRecord
    const { flow, node, fingerprint } = record.workload
    if (record.v !== 1 || !flow || !node || !fingerprint || !Number.isInteger(record.generation))
      return undefined
    return record
  } catch {
    return undefined
  }
}

export const settingOf = ({ placement, outside }: Pick<Workload, 'placement' | 'outside'>): Setting => ({
  placement,
  ...(outside && { outside }),
})

export const sameRecord = (a: WorkloadRecord, b: WorkloadRecord) => isDeepStrictEqual(a, b)
