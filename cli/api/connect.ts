import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Problem } from '../../schema/problem.ts'
import { type ControllerOptions, isOfCluster } from '../command.ts'
import { Usage } from '../failure.ts'
import { stateFolder } from '../state.ts'
import { Api } from './api.ts'
import { Direct } from './carrier.ts'
import { OneController } from './one-controller.ts'
import type { Target } from './target.ts'

/** What the options lead to: the Dataflows of a cluster, or the controller of `--url`, `DYNINKA_URL`, `--state` or the
 *  folder we are in. @throws Problem */
export async function connect(options: ControllerOptions): Promise<Target> {
  if (isOfCluster(options)) {
    if (options.url !== undefined || options.state !== undefined) {
      const given = options.url === undefined ? '--state' : '--url'
      throw new Usage(
        `${given} names one controller, and -n, --context and --kubeconfig a cluster`,
        'Leave one out.',
      )
    }
    const { ClusterDataflows } = await import('../cluster/cluster-dataflows.ts')
    return ClusterDataflows.open(options)
  }
  const url = options.url ?? (options.state === undefined ? process.env.DYNINKA_URL : undefined)
  if (url) return new OneController(new Api(new Direct(url, process.env.DYNINKA_TOKEN)))
  const state = stateFolder(options.state)
  const content = await readFile(join(state, 'controller.json'), 'utf8').catch(() => undefined)
  if (content === undefined) {
    throw new Problem('NoController', `no controller is running: there is no controller.json in ${state}`, {
      hint: 'Start one with `dyninka dev` or `dyninka run`, or name one with --state or --url; in a cluster, name a namespace with -n.',
    })
  }
  const known = JSON.parse(content) as { url: string; token: string | null }
  return new OneController(
    new Api(new Direct(known.url, process.env.DYNINKA_TOKEN ?? known.token ?? undefined)),
  )
}
