import { totalmem } from 'node:os'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeStates } from '../controller/orchestrator/kubernetes/cluster-nodes.ts'
import { machineNodes } from '../controller/orchestrator/local/machine-nodes.ts'

const Nodes = suite('what nodes have')

Nodes('is what the kubelet says, in thousandths of a core and bytes', () => {
  const [node, bare] = nodeStates([
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: 'rack',
        labels: { 'topology.kubernetes.io/zone': 'cloud', 'kubernetes.io/arch': 'arm64', camera: '' },
      },
      spec: { unschedulable: true },
      status: {
        capacity: { cpu: '4', memory: '8Gi' },
        allocatable: { cpu: '3920m', memory: '7Gi' },
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'MemoryPressure', status: 'True', reason: 'KubeletHasInsufficientMemory' },
        ],
      },
    },
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'bare' } },
  ])
  assert.equal([node!.zone, node!.arch, node!.labels.camera], ['cloud', 'arm64', ''])
  assert.equal(node!.capacity, { cpuMillis: 4_000, memoryBytes: 8 * 2 ** 30 })
  assert.equal(node!.allocatable, { cpuMillis: 3_920, memoryBytes: 7 * 2 ** 30 })
  assert.equal(node!.conditions, [
    { type: 'Ready', status: 'True' },
    { type: 'MemoryPressure', status: 'True' },
    { type: 'Unschedulable', status: 'True' },
  ])
  assert.equal(bare, { name: 'bare', labels: {}, conditions: [] }, 'nothing is made up')
})

Nodes('is closed by a taint of others, and not by one that says what its conditions say', () => {
  const closed = (...taints: { key: string; effect: string }[]) =>
    nodeStates([
      { apiVersion: 'v1', kind: 'Node', metadata: { name: 'rack' }, spec: { taints } },
    ])[0]!.conditions.some(({ type }) => type === 'Unschedulable')
  assert.ok(closed({ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }))
  assert.ok(closed({ key: 'gpu', effect: 'NoExecute' }))
  assert.not(closed({ key: 'gpu', effect: 'PreferNoSchedule' }))
  assert.not(closed({ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }))
  assert.not(closed())
})

Nodes('is what a virtual node declares, or all of the machine', () => {
  const [small, all] = machineNodes([{ name: 'small', cpu: 500, memory: 1e9 }, { name: 'all' }], {
    isDrained: name => name === 'all',
    residentBytes: () => 0.96e9,
  })
  assert.equal(small!.allocatable, { cpuMillis: 500, memoryBytes: 1e9 })
  assert.is(all!.capacity!.memoryBytes, totalmem())
  assert.ok(all!.capacity!.cpuMillis! >= 1_000)
  assert.equal(all!.conditions[0], { type: 'Ready', status: 'True' })
  assert.equal(all!.conditions[2], { type: 'Drained', status: 'True' })
  assert.equal(
    small!.conditions.slice(1),
    [{ type: 'MemoryPressure', status: 'True' }],
    'its hosts take it all',
  )
})

Nodes.run()
