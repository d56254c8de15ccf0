import type { Command } from 'commander'
import { command } from './command.ts'
import { clusterOptions, type KubeOptions, openCluster } from './kube.ts'

type Change = { metadata: object } | { spec: object }

/** A command that changes one field of a Dataflow. */
function changing(
  name: string,
  summary: string,
  detail: string,
  change: () => Change,
  done: string,
): Command {
  const described = command(name, {
    summary,
    detail,
    examples: [
      [`dyninka ${name} etl`, 'in the namespace of the context'],
      [`dyninka ${name} etl -n flows --context production`, 'elsewhere'],
    ],
    failure: 'there is no such Dataflow, or the cluster refuses',
  }).argument('<NAME>', 'of the Dataflow')
  return clusterOptions(described).action(async (name: string, options: KubeOptions) => {
    const { resources } = await import('../controller/kubernetes/resource.ts')
    const { dataflowNamed } = await import('./cluster/find.ts')
    const { forPeople } = await import('./cluster/for-people.ts')
    const client = await openCluster(options)
    const namespace = options.namespace ?? client.namespace
    const { metadata } = await dataflowNamed(client, namespace, name)
    const place = { name: metadata.name, namespace }
    await client.merge(resources.Dataflow, place, change()).catch(forPeople)
    console.log(`${metadata.name} ${done}`)
  })
}

export const reconcile = () =>
  changing(
    'reconcile',
    'have the controller of a cluster look at a repository now',
    'Polling goes on; a webhook does the same on each push.',
    () => ({ metadata: { annotations: { 'dyninka.dev/reconcile': new Date().toISOString() } } }),
    'is looked at now; see `kubectl get dataflows`',
  )

export const suspend = () =>
  changing(
    'suspend',
    'have the controller of a cluster leave a Dataflow as it is',
    'What runs keeps running; nothing is fetched, scaled or mended until `dyninka resume`.',
    () => ({ spec: { suspend: true } }),
    'is suspended: what runs keeps running',
  )

export const resume = () =>
  changing(
    'resume',
    'have the controller of a cluster go on with a Dataflow',
    'The newest revision is fetched at once.',
    () => ({ spec: { suspend: false } }),
    'is followed again',
  )
