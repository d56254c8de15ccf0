import { availableParallelism, freemem, totalmem } from 'node:os'
import type { DeclaredNode, NodeState } from '../orchestrator.ts'

/** Of the memory, below which a node is short of it. */
const scarce = 0.05

/** What virtual nodes are used for. */
export interface NodeUse {
  isDrained(name: string): boolean
  /** Memory that the hosts there take. */
  residentBytes(name: string): number
}

/** Virtual nodes as parts of this machine: what one does not declare is all that there is. */
export function machineNodes(nodes: DeclaredNode[], use: NodeUse): NodeState[] {
  const isScarce = freemem() < scarce * totalmem()
  return nodes.map(({ name, zone, arch, labels = {}, cpu, memory }) => {
    const resources = {
      cpuMillis: cpu ?? availableParallelism() * 1000,
      memoryBytes: memory ?? totalmem(),
    }
    const isShort = memory === undefined ? isScarce : use.residentBytes(name) > memory * (1 - scarce)
    return {
      name,
      ...(zone !== undefined && { zone }),
      ...(arch !== undefined && { arch }),
      labels,
      capacity: resources,
      allocatable: resources,
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'MemoryPressure', status: isShort ? 'True' : 'False' },
        ...(use.isDrained(name) ? [{ type: 'Drained', status: 'True' as const }] : []),
      ],
    }
  })
}
