import { availableParallelism, freemem, totalmem } from 'node:os'
import type { DeclaredNode, NodeState } from '../orchestrator.ts'

/** Of the memory, below which the machine is short of it. */
const scarce = 0.05

/** Virtual nodes as parts of this machine: what one does not declare is all that there is. */
export function machineNodes(nodes: DeclaredNode[]): NodeState[] {
  const isScarce = freemem() < scarce * totalmem()
  return nodes.map(({ name, zone, arch, labels = {}, cpu, memory }) => {
    const resources = {
      cpuMillis: cpu ?? availableParallelism() * 1000,
      memoryBytes: memory ?? totalmem(),
    }
    return {
      name,
      ...(zone !== undefined && { zone }),
      ...(arch !== undefined && { arch }),
      labels,
      capacity: resources,
      allocatable: resources,
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'MemoryPressure', status: isScarce ? 'True' : 'False' },
      ],
    }
  })
}
