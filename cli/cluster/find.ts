import type { DataflowResource } from '../../controller/cluster/resource.ts'
import { isNotFound } from '../../controller/kubernetes/api-problem.ts'
import type { KubernetesClient } from '../../controller/kubernetes/client.ts'
import { resources } from '../../controller/kubernetes/resource.ts'
import { Problem } from '../../schema/problem.ts'
import { didYouMean, listed } from '../../schema/suggest.ts'
import { Usage } from '../failure.ts'
import { forPeople } from './for-people.ts'

type Client = Pick<KubernetesClient, 'get' | 'list'>

/** All of a namespace, by name. @throws Problem */
export async function dataflowsIn(client: Client, namespace: string): Promise<DataflowResource[]> {
  try {
    return (await client.list<DataflowResource>(resources.Dataflow, { namespace })).items
  } catch (error) {
    if (!isNotFound(error)) return forPeople(error)
    throw new Problem('NotInstalled', 'this cluster does not know what a Dataflow is', {
      hint: '`dyninka install` sets Dyninka up in it; or is it another --context?',
    })
  }
}

/** The one of that name, or that runs the dataflow of that name. @throws Usage that names those there are */
export async function dataflowNamed(
  client: Client,
  namespace: string,
  name: string,
): Promise<DataflowResource> {
  const found = await client.get<DataflowResource>(resources.Dataflow, { name, namespace }).catch(forPeople)
  if (found) return found
  const all = await dataflowsIn(client, namespace)
  const running = all.filter(({ status }) => status?.dataflow === name)
  if (running.length === 1) return running[0]!
  const names = (running.length > 0 ? running : all).map(({ metadata }) => metadata.name)
  if (running.length > 1)
    throw new Usage(
      `several Dataflows in ${namespace} run ${name}`,
      `Name one of them: ${listed(names, 'or')}.`,
    )
  const otherwise = names.length === 0 ? 'There is none.' : `There are ${listed(names)}.`
  throw new Usage(`no Dataflow in ${namespace} is called ${name}`, didYouMean(name, names, otherwise))
}
