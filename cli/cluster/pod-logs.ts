import type { KubernetesClient } from '../../controller/kubernetes/client.ts'
import { type KubernetesObject, resources } from '../../controller/kubernetes/resource.ts'
import { followPods, type LoggingPod } from '../../controller/orchestrator/kubernetes/follow-pods.ts'
import { labels, managedBy } from '../../controller/orchestrator/kubernetes/names.ts'
import type { LogOptions } from '../../controller/orchestrator/orchestrator.ts'
import { Problem } from '../../schema/problem.ts'
import type { LogLine } from '../log-text.ts'
import { forPeople, permissionsHint } from './for-people.ts'

interface Wanted {
  namespace: string
  /** Name of the resource. */
  dataflow: string
  /** Function, source or sink; all when absent. */
  node?: string
}

/** What the pods of a Dataflow log, read from the API server: no controller is needed. Ends quietly when the signal
 *  aborts. @throws Problem when the user may not */
export async function* podLogs(
  client: KubernetesClient,
  { namespace, dataflow, node }: Wanted,
  { signal, ...options }: LogOptions,
): AsyncIterable<LogLine> {
  const wanted = {
    ...managedBy,
    [labels.dataflow]: dataflow,
    ...(node !== undefined && { [labels.function]: node }),
  }
  const labelSelector = Object.entries(wanted)
    .map(pair => pair.join('='))
    .join(',')
  const { items } = await client.list(resources.Pod, { namespace, labelSelector }).catch(forPeople)
  await mayRead(client, namespace)
  if (!options.follow) {
    const changed = () => Promise.resolve()
    yield* followPods({ client, namespace, pods: () => items.map(logging), changed }, { ...options, signal })
    return
  }
  const ended = new AbortController()
  let news = Promise.withResolvers<void>()
  const pods = client.watch(resources.Pod, {
    namespace,
    labelSelector,
    onChange() {
      news.resolve()
      news = Promise.withResolvers()
    },
    // What is lost for a while comes back.
    onError: problem => problem.status === 403 && ended.abort(problem),
  })
  const any = AbortSignal.any([signal, ended.signal])
  const gone = aborted(any)
  try {
    await Promise.race([pods.synced, gone])
    const changed = () => Promise.race([news.promise, gone])
    yield* followPods(
      { client, namespace, pods: () => pods.list().map(logging), changed },
      { ...options, signal: any },
    )
    if (ended.signal.aborted) forPeople(ended.signal.reason)
  } finally {
    await pods.close()
  }
}

const logging = ({ metadata }: KubernetesObject): LoggingPod => ({
  name: metadata.name,
  node: metadata.labels?.[labels.function] ?? '',
})

interface Review extends KubernetesObject {
  status: { allowed: boolean }
}

/** Pods whose log can't be read just now are passed over later: whether it may be read at all is asked before. */
async function mayRead(client: KubernetesClient, namespace: string): Promise<void> {
  const resourceAttributes = { namespace, verb: 'get', resource: 'pods', subresource: 'log' }
  const { status } = await client
    .raw<Review>({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: {
        ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' },
        spec: { resourceAttributes },
      },
      what: 'ask what you may do',
    })
    .catch(forPeople)
  if (!status.allowed) {
    throw new Problem(
      'Forbidden',
      `you may not read the logs of pods in ${namespace}: get of pods/log is denied`,
      {
        hint: permissionsHint,
      },
    )
  }
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
