import { Checker } from '../checker.ts'
import { Dataflow } from '../dataflow.ts'
import { type LoadedRun, type Report, underLoad } from '../under-load.ts'
import { PodFaults } from './faults.ts'
import { PodStand } from './stand.ts'

export interface PodTortureOptions extends LoadedRun {
  /** Called before the cluster is removed, when something was wrong. */
  onFailure?(stand: PodStand): Promise<unknown>
}

/** Longer than a node is away, and than the longest wait of a container that has crashed again and again. */
const patienceMs = 180_000

/** Tortures a dataflow whose hosts are pods of a test cluster. */
export async function torturePods(options: PodTortureOptions): Promise<Report> {
  await using stack = new AsyncDisposableStack()
  const dataflow = await Dataflow.create()
  stack.defer(() => dataflow.repository.remove())
  const stand = await PodStand.open(dataflow)
  stack.defer(() => stand.close())
  const checker = new Checker()
  return await underLoad(
    { ...options, kubernetes: true },
    {
      broker: stand.broker,
      checker,
      faults: new PodFaults({ dataflow, stand, checker }),
      patienceMs,
      isReady: commit => stand.isReady(commit),
      whereItStands: () => stand.whereItStands(),
      onFailure: async () => void (await options.onFailure?.(stand)),
    },
  )
}
