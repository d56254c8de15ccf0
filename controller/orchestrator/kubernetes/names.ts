import { createHash } from 'node:crypto'

/** What marks an object as ours; nothing without it is ever changed or deleted. */
export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  dataflow: 'dyninka.dev/dataflow',
  flow: 'dyninka.dev/flow',
  function: 'dyninka.dev/function',
  generation: 'dyninka.dev/generation',
  artifact: 'dyninka.dev/artifact',
} as const

export const annotations = {
  /** Of a Deployment: all that its objects are made from. */
  workload: 'dyninka.dev/workload',
  fingerprint: 'dyninka.dev/fingerprint',
  artifact: 'dyninka.dev/artifact',
  runtime: 'dyninka.dev/runtime',
  /** Of a pod template: digest of the rest of it. Pods that carry another one are on their way out. */
  template: 'dyninka.dev/template',
} as const

export const managedBy = { [labels.managedBy]: 'dyninka' }
export const managedBySelector = `${labels.managedBy}=dyninka`

/** Of the container with the host, and of its readiness port. */
export const container = 'host'
export const readyPort = 8377

const maxName = 52 // a pod's name has 11 and 6 more, and is a host name: at most 63 then are told apart

/** Of the objects of one node of the graph. @param plain whether the name is free: `a-b` of `c` and `a` of `b-c` both want
 *  `c-a-b`, and one of them gets a digest */
export function nameOf(flow: string, node: string, plain = true): string {
  const name = `${flow}-${node}`
  if (plain && name.length <= maxName) return name
  return `${name.slice(0, maxName - 9).replace(/-+$/, '')}-${short(`${flow}/${node}`)}`
}

/** Of what a whole flow shares. */
export const flowName = (dataflow: string, flow: string) =>
  `dyninka-${flow === dataflow ? flow : `${flow}-${short(dataflow)}`}`

/** Of the ConfigMap that holds an artifact: one for all who use the same. */
export const configMapName = (digest: string) => `dyninka-${digest.replace(/^sha256:/, '').slice(0, 40)}`

/** Eight digits that tell one name from others like it. */
export const short = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 8)

/** A digest as a label may be: at most 63 characters, no colon. */
export const digestLabel = (digest: string) => digest.replace(/^sha256:/, '').slice(0, 40)
