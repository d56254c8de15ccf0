import type { Logger } from 'pino'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import type { Workload } from '../orchestrator.ts'

export interface SecretKey {
  /** Of the Secret, in the namespace of the pods. */
  name: string
  key: string
}

export interface BrokerAccess {
  /** As pods reach it. What it says before the `@` is left out of every object. */
  url: string
  /** Where the whole URL is kept, with the user and the password of this node of the graph. */
  secretOf?(flow: string, node: string): SecretKey | undefined
  /** Brokers of zones; absent where there are none. */
  zones?: ZonesAccess
  /** Zone of the node that a managed one runs on, as far as it is known. */
  zone?(): string | undefined
}

export interface ZonesAccess {
  /** By zone: as pods reach its broker. What they say before the `@` is left out of every object. */
  urls: Readonly<Record<string, string>>
  /** Where the whole of them is kept for this node of the graph, as JSON. */
  secretOf(flow: string, node: string): SecretKey
}

export interface KubernetesOptions {
  client: KubernetesClient
  namespace: string
  /** Tells our objects from those of others who use dyninka in this namespace: the name of the `Dataflow`. */
  dataflow: string
  broker: BrokerAccess
  /** Name of the Secret with the values that functions ask for; `<flow>-secrets` when absent. */
  secretOf?(flow: string): string
  /** What pods run when no image is made for each function: Node, and nothing else that matters. By digest. */
  image: string
  /** The image holds the host bundle already. */
  imageHasHost?: boolean
  /** Makes the image of a workload, or finds it, and gives its reference by digest. Code goes into ConfigMaps when absent. */
  imageOf?(workload: Workload, signal: AbortSignal): Promise<string>
  imagePullSecrets?: string[]
  /** Folder of the artifacts, from which a ConfigMap that somebody deleted is made again. */
  store: string
  /** After a node stops answering, until its pods run elsewhere. */
  tolerationSeconds?: number
  /** Label of nodes that names their zone. */
  zoneKey?: string
  /** Labels that a node must have. */
  nodeSelector?: Record<string, string>
  /** Whether pods may reach the broker and what their dataflow declares only; true when absent. */
  networkPolicy?: boolean
  /** Longest silence of a watch; see `InformerOptions`. */
  silentMs?: number
  log: Logger
}
