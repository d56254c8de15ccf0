import type { KubernetesObject } from '../kubernetes/resource.ts'
import type { DataflowResourceStatus, DataflowSpec } from './resource.generated.ts'

export type {
  DataflowResourceStatus,
  DataflowSpec,
  ResourceCondition,
  ResourceFunction,
  ResourceHistory,
} from './resource.generated.ts'

/** A Dataflow as the API has it. */
export interface DataflowResource extends KubernetesObject {
  spec: DataflowSpec
  status?: DataflowResourceStatus
}

/** Holds a resource that is being deleted until what runs for it has ended. */
export const finalizer = 'dyninka.dev/prune'
/** A new value makes the controller look at everything now. */
export const reconcileAnnotation = 'dyninka.dev/reconcile'

/** The broker of a zone, as its status shows it. */
export type ZoneBrokerStatus = NonNullable<DataflowResourceStatus['zoneBrokers']>[number]

/** Whether more has changed than what the controller writes. */
export function isNews({ metadata: now }: DataflowResource, { metadata: before }: DataflowResource): boolean {
  return (
    now.uid !== before.uid ||
    now.generation !== before.generation ||
    now.deletionTimestamp !== before.deletionTimestamp ||
    now.annotations?.[reconcileAnnotation] !== before.annotations?.[reconcileAnnotation] ||
    now.finalizers?.includes(finalizer) !== before.finalizers?.includes(finalizer)
  )
}

/** `namespace/name`: the key of passes, and how people write it. */
export const keyOf = ({ metadata }: Pick<DataflowResource, 'metadata'>) =>
  `${metadata.namespace}/${metadata.name}`
