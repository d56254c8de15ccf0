import type { DeclaredNode } from '../../schema/index.ts'
import { Problem } from '../../schema/index.ts'
import { type ControllerOptions, isOfCluster } from '../command.ts'

/** The nodes of the controller that runs a dataflow. @returns undefined where none does, and none was named
 *  @throws Problem when one that was named can't be asked */
export async function knownNodes(
  flow: string,
  options: ControllerOptions,
): Promise<DeclaredNode[] | undefined> {
  const isNamed = isOfCluster(options) || options.url !== undefined || options.state !== undefined
  try {
    const { connect } = await import('../api/connect.ts')
    const target = await connect(options)
    const { dataflows } = (await target.status()).status
    if (!dataflows.some(({ name, revision }) => name === flow && revision !== '')) return undefined
    return (await target.running(flow)).nodes
  } catch (error) {
    if (isNamed || !(error instanceof Problem)) throw error
    return undefined
  }
}
